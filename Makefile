# minivm: `make kit` sets everything up and boots a VM; `make test` runs all tests.
# Options: MIRROR=URL SUITE=NAME (where kernels come from; the tests name their suites), OUT=FOLDER (where the
# kit goes).

OUT ?= kit
ARCHIVE = $(if $(MIRROR),--mirror $(MIRROR)) $(if $(SUITE),--suite $(SUITE))
# Swift's own linker: not every machine has the one that it takes by default. Libraries that bootstrap has
# fetched come first.
RELEASE = swift build -c release --static-swift-stdlib -Xswiftc -use-ld=lld -Xlinker -L$(CURDIR)/.build/lib -Xlinker -s
MINIVM = $(shell $(RELEASE) --show-bin-path)/minivm
DEBUG = $(shell swift build --show-bin-path)/minivm

.PHONY: kit build test test-cache check-all arm64 matrix fuzz bench bench-micro bench-linear lint format clean

kit: build
	$(strip $(MINIVM) build --out $(OUT) $(ARCHIVE))
	$(MINIVM) boot $(OUT)

build:
	scripts/bootstrap kit
	scripts/build-guest
	$(RELEASE) --product minivm

test:
	scripts/bootstrap test
	scripts/build-guest
	swift build --build-tests
	MINIVM=$(DEBUG) scripts/test-cache
	swift test --skip-build
	MINIVM=$(DEBUG) scripts/matrix --ci
	MINIVM=$(DEBUG) scripts/matrix --ci --shell --only bullseye
	MINIVM=$(DEBUG) ROUNDS=1 scripts/faults kill readonly clock

# What the tests and benchmarks read, fetched by the release.
test-cache: build
	scripts/bootstrap test
	MINIVM=$(MINIVM) scripts/test-cache

# All that is too much for every change: the tests under sanitizers, more packages and boots, broken inputs
# for every decoder, faults at every write, the same bytes in other surroundings. Several hours.
check-all: test build
	scripts/check-sanitized address
	scripts/check-sanitized thread
	scripts/judge-packages 150
	MINIVM=$(MINIVM) scripts/guest-test
	MINIVM=$(MINIVM) scripts/fuzz 60
	MINIVM=$(MINIVM) scripts/faults
	MINIVM=$(MINIVM) scripts/reproduce

# The same bytes from a program for arm64, which takes Debian sid's Swift, root and 10 GB, and QEMU to run it.
arm64: test-cache
	scripts/bootstrap arm64
	MINIVM=$(MINIVM) scripts/build-arm64
	MINIVM=$(MINIVM) scripts/reproduce arm64

# Every kernel on every machine, disk and form of root=, with coldplug and by the shell, and with a module
# taken away, to docs/internals/MATRIX.md: some hours. It goes on where it was stopped.
matrix: test-cache
	MINIVM=$(MINIVM) scripts/matrix --depmod
	MINIVM=$(MINIVM) scripts/matrix
	MINIVM=$(MINIVM) scripts/matrix --without
	MINIVM=$(MINIVM) scripts/matrix --shell

# Broken inputs for every decoder, SECONDS for each of them.
fuzz:
	scripts/bootstrap test
	scripts/build-guest
	swift build --product minivm
	MINIVM=$(DEBUG) scripts/test-cache
	MINIVM=$(DEBUG) scripts/fuzz $(or $(SECONDS),20)

# minivm beside what people use today, in turn: RUNS of each; FULL=1 for the largest kernel, too.
bench: test-cache
	MINIVM="$(MINIVM)" Benchmarks/run $(or $(RUNS),5)
	Benchmarks/plot Benchmarks/results.tsv >docs/benchmarks.svg

# Codecs and writers one by one: instructions where the machine counts them, and wall time.
bench-micro:
	scripts/bootstrap kit
	MINIVM_BENCH=1 swift package --allow-writing-to-package-directory benchmark --no-progress

# Processor time and memory of builds against the size of their packages. MORE="DEB ..." takes more packages.
bench-linear: test-cache
	MINIVM="$(MINIVM)" Benchmarks/linear >Benchmarks/linear.tsv
	Benchmarks/plot-linear Benchmarks/linear.tsv >docs/linear.svg

lint:
	swift format lint --strict --recursive Package.swift Sources Guest/Sources Tests Benchmarks/formats Benchmarks/packages-index
	shellcheck --shell=dash ramdisk-template/init
	shellcheck scripts/* .ci/run Benchmarks/run Benchmarks/run-command Benchmarks/run-root Benchmarks/recipe Benchmarks/table Benchmarks/plot Benchmarks/linear Benchmarks/plot-linear

format:
	swift format --in-place --recursive Package.swift Sources Guest/Sources Tests

clean:
	rm -rf .build .build-fuzz Guest/build $(OUT)
