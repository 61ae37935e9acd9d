import Basics
import Formats
import TestSupport
import Testing

/// `minivm root` of container images: layers over layers become what umoci unpacks them to.
@Suite struct RootImageTests {
  private let bench: CommandBench

  init() throws {
    bench = try CommandBench()
  }

  /// Writes a folder's files as umoci and we see them: owners and devices aside, which take root rights, and times of
  /// folders, which no layer tells where it has only what is in them.
  private static let listing = """
    list() {
      (cd "$1" && find . ! -path . ! -name lost+found -printf '%P %y %m %l\\n' | LC_ALL=C sort
       find . -type f -printf '%P %T@ %n ' -exec sha256sum {} \\; | LC_ALL=C sort)
    }
    compare() {
      rm -rf ours theirs
      '\(TestKit.program)' root oci:image:tag --out ours.raw --init none >/dev/null
      '\(TestKit.program)' extract ours.raw --out ours >/dev/null 2>&1
      e2fsck -fn ours.raw >/dev/null 2>&1
      umoci unpack --rootless --image image:tag theirs >/dev/null 2>&1
      list theirs/rootfs >theirs.txt; list ours >ours.txt
      diff theirs.txt ours.txt
      wc -l <ours.txt
    }

    """

  /// Python that writes the layers `0.tar` and so on, each a list of members.
  private static let layers = """
    import io, random, tarfile
    D, S, H = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
    def write(number, members):
        with tarfile.open("%d.tar" % number, "w", format=tarfile.PAX_FORMAT) as tar:
            for name, keys in members:
                info = tarfile.TarInfo(name)
                data = keys.pop("data", b"")
                info.mode = 0o755 if keys.get("type") == D else 0o644
                info.mtime = 1600000000 + number
                for key, value in keys.items(): setattr(info, key, value)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    def file(name, text="x"): return name, {"data": text.encode()}
    def folder(name, mode=0o755): return name, {"type": D, "mode": mode}
    def link(name, target): return name, {"type": S, "linkname": target, "mode": 0o777}
    def hard(name, target): return name, {"type": H, "linkname": target}

    """

  private func makeImage(_ script: String, count: Int) async throws {
    try await Tool.output("python3", ["-c", Self.layers + script], in: bench.folder.path)
    try await Tool.shell(
      """
      umoci init --layout image; umoci new --image image:tag
      for n in $(seq 0 \(count - 1)); do umoci raw add-layer --image image:tag $n.tar; done >/dev/null 2>&1
      """, in: bench.folder.path)
  }

  @Test("Whiteouts, opaque folders, files that become folders and folders that become files")
  func whiteouts() async throws {
    try await makeImage(
      """
      write(0, [folder("etc"), file("etc/a"), file("etc/b"), folder("dir"), file("dir/x"), folder("dir/sub"),
                file("dir/sub/z"), folder("opaque"), file("opaque/old"), folder("opaque/sub"), file("opaque/sub/f"),
                file("file-to-dir"), folder("dir-to-file"), file("dir-to-file/in"), link("link", "etc"),
                file("hard1", "hard"), hard("hard2", "hard1"), link("folder-link", "dir"), folder("gone"),
                file("gone/f"), folder("usr"), folder("usr/bin"), link("bin", "usr/bin"), folder("again"),
                file("again/keep"), file("again/drop")])
      write(1, [file("etc/.wh.a"), file(".wh.gone"), folder("opaque"), file("opaque/.wh..wh..opq"), file("opaque/new"),
                file(".wh.file-to-dir"), folder("file-to-dir"), file("file-to-dir/n"),
                file("dir-to-file", "now a file"), file("dir/.wh.sub"), file("hard1", "changed"),
                file("again/.wh.drop"), folder("again", 0o700)])
      write(2, [file("opaque/late"), file("opaque/.wh..wh..opq"), file("bin/tool", "through a link"), file(".wh.link"),
                file("new/implied/parent"), file(".wh.nonexistent")])
      write(3, [folder("gone"), file("gone/again"), file(".wh.folder-link"), folder("folder-link"),
                file("folder-link/real"), hard("hard3", "hard2")])
      """, count: 4)
    let output = try await Tool.shell(Self.listing + "compare", in: bench.folder.path)
    #expect(Int(output.split(separator: "\n").last ?? "") ?? 0 > 30, "\(output)")
    let description = String(decoding: try bench.folder.read("ours.raw.json"), as: UTF8.self)
    #expect(description.contains(#""kind" : "image""#))
  }

  @Test("Forty layers of random changes", arguments: 1...3)
  func random(seed: Int) async throws {
    try await makeImage(
      """
      random.seed(\(seed))
      tree = {"": D}
      names = ["a", "b", "c", "d", "e"]
      def below(path): return [p for p in tree if p.startswith(path + "/")]
      for number in range(40):
          # Whiteouts are of lower layers: nothing is changed twice in one layer.
          members, touched = [], set()
          for _ in range(random.randrange(1, 12)):
              parents = [p for p, kind in tree.items() if kind == D and p.count("/") < 4]
              parent = random.choice(parents)
              path = (parent + "/" if parent else "") + random.choice(names)
              if any(path == t or path.startswith(t + "/") or t.startswith(path + "/") for t in touched): continue
              known = tree.get(path)
              choice = random.random()
              touched.add(path)
              if known is not None and choice < 0.25:
                  members.append(file((parent + "/" if parent else "") + ".wh." + path.split("/")[-1], ""))
                  for gone in below(path) + [path]: del tree[gone]
              elif known == D and choice < 0.35:
                  members += [folder(path, 0o711), file(path + "/.wh..wh..opq", "")]
                  for gone in below(path): del tree[gone]
              elif choice < 0.6:
                  members.append(folder(path, random.choice([0o755, 0o700, 0o1777])))
                  if known != D: tree[path] = D
              elif choice < 0.8:
                  members.append(file(path, str(random.random())))
                  for gone in below(path): del tree[gone]
                  tree[path] = "file"
              elif choice < 0.9:
                  members.append(link(path, random.choice(["/a/b", "../c", "nowhere"])))
                  for gone in below(path): del tree[gone]
                  tree[path] = "link"
              else:
                  files = [p for p, kind in tree.items() if kind == "file" and p not in touched
                           and not p.startswith(path + "/")]
                  if not files or known == D: continue
                  members.append(hard(path, random.choice(files)))
                  tree[path] = "file"
          write(number, members)
      """, count: 40)
    let output = try await Tool.shell(Self.listing + "compare", in: bench.folder.path)
    #expect(Int(output.split(separator: "\n").last ?? "") ?? 0 > 5, "\(output)")
  }

  @Test(
    "Archives of skopeo, in place: oci-archive and docker-archive, compressed, with a layer twice")
  func archives() async throws {
    try await makeImage(
      """
      write(0, [folder("etc"), file("etc/a", "one"), folder("opt"), file("opt/gone")])
      write(1, [file("etc/b", "two"), file("opt/.wh.gone", "")])
      """, count: 2)
    try await Tool.shell(
      """
      umoci raw add-layer --image image:tag 0.tar; umoci raw add-layer --image image:tag 1.tar
      skopeo copy -q oci:image:tag oci-archive:oci.tar:v1
      skopeo copy -q oci:image:tag docker-archive:docker.tar:example/name:v1
      gzip -k docker.tar; zstd -q oci.tar
      """, in: bench.folder.path)
    try await bench.run(["root", "oci:image:tag", "--out", "expected.raw", "--init", "none"])
    for source in [
      "oci-archive:oci.tar", "oci-archive:oci.tar:v1", "oci.tar", "oci.tar.zst",
      "docker-archive:docker.tar",
      "docker-archive:docker.tar:example/name:v1", "docker-archive:docker.tar:name:v1",
      "docker.tar", "docker.tar.gz",
    ] {
      let made = try await bench.run(["root", source, "--out", "disk.raw", "--init", "none"])
      #expect(made.status == 0 && made.errors == "", "\(source): \(made.errors)")
      let same = try await bench.run(["diff", "expected.raw", "disk.raw"])
      #expect(
        same.output.contains("UUID") && !same.output.contains("~") || same.status == 0,
        "\(source): \(same)")
      #expect(try await bench.run(["ls", "disk.raw", "/etc"]).output == "a\nb\n", "\(source)")
      #expect(try await bench.run(["ls", "disk.raw", "/opt"]).output == "", "\(source)")
    }
    try await bench.expectFailure(
      ["root", "oci-archive:oci.tar:v2"], 3, "oci.tar: has no image “v2”")
    try await bench.expectFailure(
      ["root", "docker-archive:docker.tar:v9"], 3, "docker.tar: has no image “v9”")
    try await bench.expectFailure(["root", "docker.tar", "--arch", "riscv64"], 3, "linux/riscv64")
    try await bench.expectFailure(
      ["root", "docker-archive:0.tar"], 3, "0.tar: has no manifest.json")
    try await bench.expectFailure(["root", "oci-archive:0.tar"], 1, "0.tar: has no oci-layout")
    // A layer that lies, in a format without a digest of its own.
    try await Tool.shell(
      """
      mkdir lying; tar -C lying -xf docker.tar
      python3 - <<'P'
      import glob, json, os
      layers = json.load(open("lying/manifest.json"))[0]["Layers"]
      path = os.path.realpath("lying/" + layers[0])
      data = bytearray(open(path, "rb").read())
      data[data.index(b"one")] ^= 1
      open(path, "wb").write(data)
      P
      tar -C lying -cf lying.tar manifest.json .
      """, in: bench.folder.path)
    try await bench.expectFailure(["root", "lying.tar", "--init", "none"], 4, "SHA-256")
  }

  @Test("An image that is not what its digests say, or is for another machine, is no disk")
  func refused() async throws {
    try await makeImage(#"write(0, [folder("etc"), file("etc/a", "word" * 9000)])"#, count: 1)
    try await bench.expectFailure(["root", "oci:image:none"], 3, "none")
    try await bench.expectFailure(["root", "oci:nowhere"], 1, "nowhere: has no oci-layout")
    try await bench.expectFailure(["root", "oci:image:tag", "--arch", "arm64"], 3, "arm64")
    try await bench.expectFailure(["root", "oci:image:tag", "--arch", "z80"], 2, "z80")
    try await Tool.shell(
      """
      layer=$(ls -S image/blobs/sha256/* | head -n 1)
      printf X | dd of="$layer" bs=1 seek=20 conv=notrunc status=none
      """, in: bench.folder.path)
    try await bench.expectFailure(["root", "oci:image:tag", "--init", "none"], 4, "SHA-256")
  }
}
