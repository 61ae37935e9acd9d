import Testing
@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

@Suite struct BootTimelineTests {
  @Test("The least late line says when the kernel's clock began; what is not told is not known")
  func phases() {
    var timeline = BootTimeline()
    let lines: [(Double, String)] = [
      (1.5, "Probing EDD (edd=off to disable)... ok"),
      (2.0, "[    0.000000] Linux version 6.1.0"),
      (2.1, "[    1.200000] Freeing initrd memory"),
      (3.0, "[    2.000000] Run /init as init process"),
      (3.2, "[    2.400000] sda: a late line that came early"),
      (3.5, "minivm: root is /dev/vda (ext4, ro)"),
      (3.6, "minivm: starting /sbin/init"),
      (3.9, "minivm: root is what the guest says later"),
    ]
    for (time, line) in lines { timeline.take(line, at: time) }
    #expect(abs(timeline.kernel! - 0.8) < 1e-9)
    #expect(abs(timeline.initramfs! - 2.8) < 1e-9)
    #expect(timeline.root == 3.5)
    #expect(timeline.newInit == 3.6)
  }

  @Test(
    "Other lines are nothing",
    arguments: [
      "", "[", "[]", "[  ]", "[abc] Run /init", "[-1.0] Run /init", "[1e999] Run /init", "[nan] x",
      "Run /init as init process", "minivm: rooted", "[   1.0",
    ])
  func nothing(_ line: String) {
    var timeline = BootTimeline()
    timeline.take(line, at: 1)
    #expect(timeline == BootTimeline())
  }
}
