import Basics
import Formats
import TestSupport
import Testing

/// Root disks of a Debian with systemd, booted.
@Suite(.serialized) struct RootBootTests {
  /// Adds to Debian a service that writes what became of the boot to the kernel's log, and ends the machine.
  private static func makeRoot(in folder: TemporaryFolder) async throws {
    let units = "root/etc/systemd/system"
    try folder.write(
      "\(units)/report.service",
      """
      [Unit]
      Description=Report
      [Service]
      Type=idle
      ExecStart=/usr/local/sbin/report

      """.utf8)
    try folder.write(
      "root/usr/local/sbin/report",
      """
      #!/bin/sh
      {
        echo "state $(systemctl is-system-running --wait)"
        systemctl --failed --no-legend --plain | sed 's/^/failed /'
        echo "root $(findmnt -n -o FSTYPE,OPTIONS /)"
        setpriv --reuid=65534 --regid=65534 --clear-groups ping -c 1 -W 5 127.0.0.1 | grep -o '1 received'
        echo "capability $(getcap /usr/bin/ping)"
        echo "modes $(stat -c %a:%u:%g /usr/bin/passwd /etc/shadow | tr '\\n' ' ')"
      } 2>&1 | while read -r line; do echo "report: $line" >/dev/kmsg; done
      systemctl poweroff

      """.utf8)
    try await Tool.shell(
      """
      chmod 755 root/usr/local/sbin/report
      mkdir -p \(units)/multi-user.target.wants
      ln -s ../report.service \(units)/multi-user.target.wants/report.service
      cp '\(TestCache.folder)/debian.tar' root.tar
      tar --owner=0 --group=0 -C root -rf root.tar ./etc/systemd/system ./usr/local/sbin/report
      python3 - <<'P'
      # ping with the capability that it has where its package can set one: the entry that comes last counts.
      import io, struct, tarfile
      with tarfile.open("root.tar") as tar: ping = tar.extractfile("./usr/bin/ping").read()
      capability = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
      record = b"SCHILY.xattr.security.capability=" + capability + b"\\n"
      record = b"%d " % (len(record) + 3) + record
      with tarfile.open("root.tar", "a") as tar:
          extended = tarfile.TarInfo("PaxHeader")
          extended.type, extended.size = tarfile.XHDTYPE, len(record)
          tar.addfile(extended, io.BytesIO(record))
          info = tarfile.TarInfo("./usr/bin/ping")
          info.mode, info.size, info.mtime = 0o755, len(ping), 1700000000
          tar.addfile(info, io.BytesIO(ping))
      P
      """, in: folder.path)
  }

  @Test("systemd reaches its goal with no failed unit; ping has its capability")
  func systemd() async throws {
    let folder = try TemporaryFolder()
    try await Self.makeRoot(in: folder)
    for (tree, name, options, type) in [
      ("cloud", "root.qcow2", [], "root ext4 rw"),
      (
        "cloud-6.12", "root.squashfs",
        ["--append", "root=LABEL=minivm-root minivm.overlay=tmpfs"], "root overlay rw"
      ),
    ] as [(String, String, [String], String)] {
      let made = try await Tool.run(
        TestKit.program, ["root", "root.tar", "--out", name], in: folder.path)
      try #require(made.status == 0, "\(made.errors)")
      let kit = try RunKits.kit(of: tree)
      let path = folder.path
      let result = try await BootSlots.shared.use {
        try await Tool.run(
          TestKit.program,
          [
            "boot", kit, "--root", name, "--accel", "tcg", "--memory", "1024", "--timeout", "280",
            "--console", "console",
          ]
            + options, in: path)
      }
      let console = String(decoding: try folder.read("console"), as: UTF8.self)
      #expect(result.status == 0, "\(result.errors.suffix(2000))")
      for line in [
        "report: state running", "report: \(type)", "report: 1 received",
        "report: capability /usr/bin/ping cap_net_raw=ep", "report: modes 4755:0:0 640:0:42",
      ] { #expect(console.contains(line), "\(line): \(console.suffix(6000))") }
      #expect(!console.contains("report: failed"), "\(console.suffix(6000))")
    }
  }
}
