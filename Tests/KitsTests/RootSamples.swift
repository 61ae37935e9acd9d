import TestSupport

/// Archives of roots, made by Python's tarfile, and what it finds in others: a writer and a reader that share nothing
/// with ours.
enum RootSamples {
  /// Makes `root.tar`, with all that Linux keeps of files.
  static func make(in folder: TemporaryFolder) async throws {
    try await Tool.output(
      "python3",
      [
        "-c",
        """
        import io, struct, tarfile
        tar = tarfile.open("root.tar", "w", format=tarfile.PAX_FORMAT)
        def add(name, type=tarfile.REGTYPE, data=b"", mode=0o644, uid=0, gid=0, mtime=1700000000, link="",
                dev=(0, 0), **pax):
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.uid, info.gid, info.mtime = type, mode, uid, gid, mtime
            info.size, info.linkname, (info.devmajor, info.devminor) = len(data), link, dev
            info.pax_headers = {"SCHILY.xattr." + key.replace("__", "."): value for key, value in pax.items()}
            tar.addfile(info, io.BytesIO(data))
        D, S, H = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
        add(".", D, mode=0o755)
        add("etc/passwd", data=b"root:x:0:0::/:/bin/sh\\nalice:x:1000:1000::/home:/bin/sh\\n")
        add("etc", D, mode=0o751, uid=1, gid=2, mtime=1500000000.25)
        add("sbin", D, mode=0o755)
        add("sbin/init", data=b"\\x7fELF" + bytes(200), mode=0o4755, mtime=1699999999.123456789)
        add("link", S, link="/etc/passwd", mode=0o777, uid=12, gid=34)
        add("long-link", S, link="x/" * 600 + "x", mode=0o777)
        add("zhard", H, link="sbin/init")
        add("later", H, link="zlast")
        add("zlast", data=b"last", uid=4000000000, gid=3000000)
        add("dev/null", tarfile.CHRTYPE, mode=0o666, dev=(1, 3))
        add("dev/big", tarfile.BLKTYPE, mode=0o600, dev=(300, 70000))
        add("run/fifo", tarfile.FIFOTYPE, mode=0o640)
        add("d/" * 90 + "deep", data=b"deep")
        add("n" * 255, data=b"long name")
        add("caf\\u00e9", data=b"utf-8")
        add("user-attributes", user__mime="text/plain", trusted__big="v" * 3000)
        add("old", data=b"old", mtime=-1000000000)
        add("empty", D, mode=0o1777, uid=65534, gid=65534)
        add("large", data=bytes(range(256)) * 5000)
        for number in range(300): add("many/file-%d" % number, data=b"%d" % number)
        # A capability's value is no text.
        capability = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
        info = tarfile.TarInfo("ping")
        info.mode, info.mtime, info.size = 0o755, 1700000000, 4
        record = b"SCHILY.xattr.security.capability=" + capability + b"\\n"
        length = len(record) + 3
        record = b"%d " % length + record
        assert len(record) == length
        extended = tarfile.TarInfo("PaxHeader")
        extended.type, extended.size = tarfile.XHDTYPE, len(record)
        tar.addfile(extended, io.BytesIO(record))
        tar.addfile(info, io.BytesIO(b"ping"))
        tar.close()
        """,
      ], in: folder.path)
  }

  /// All that Python finds in an archive, a line for each file.
  /// - Parameter dropping: what is left out of each file: `nanoseconds`, `hard links` (of which any may be the first).
  static func listing(_ archive: String) async throws -> [String] {
    try await Tool.output(
      "python3",
      [
        "-c",
        """
        import hashlib, sys, tarfile
        tar = tarfile.open(sys.argv[1], errors="surrogateescape")
        members = {m.name.rstrip("/") or ".": m for m in tar}
        for name in sorted(members):
            m = members[name]
            while m.type == tarfile.LNKTYPE: m = members[m.linkname]
            data = hashlib.sha256(tar.extractfile(m).read()).hexdigest()[:12] if m.isreg() else ""
            xattrs = sorted((k, hashlib.sha256(v.encode("utf-8", "surrogateescape")).hexdigest()[:12])
                            for k, v in m.pax_headers.items() if k.startswith("SCHILY.xattr."))
            device = (m.devmajor, m.devminor) if m.type in (tarfile.CHRTYPE, tarfile.BLKTYPE) else ""
            print(repr(name[:60]), len(name), m.type, oct(m.mode), m.uid, m.gid, repr(float(m.mtime)),
                  m.linkname[:40] if m.issym() else "", device, data, xattrs)
        """, archive,
      ]
    ).split(separator: "\n").map(String.init)
  }
}
