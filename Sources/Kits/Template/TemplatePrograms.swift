internal import Formats

/// The programs that a template's shell scripts run, beside those that the template has.
struct TemplatePrograms {
  /// Larger files are no scripts.
  static let scriptLimit = 1 << 20
  static let busyboxPaths = ["bin/busybox", "sbin/busybox", "usr/bin/busybox", "usr/sbin/busybox"]
  /// Folders that programs are found in.
  private static let folders: Set<String> = [
    "bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin",
  ]

  private let applets: Set<String>
  private let busyboxSize: Int
  /// Names of programs that are not busybox.
  private var others: Set<String> = []
  /// Names that lead to busybox.
  private var links: Set<String> = []
  private var scripts: [(path: String, script: ShellScript)] = []

  /// - Returns: nil where the bytes are no busybox, whose names are not known.
  init?(busybox: [UInt8]) {
    guard let table = try? AppletTable(busybox) else { return nil }
    applets = Set(table.names)
    busyboxSize = busybox.count
  }

  /// Adds a file or a link of the template.
  /// - Parameters:
  ///   - target: of a symbolic link; nil for a file.
  ///   - size: of a file, in bytes.
  ///   - bytes: gives the content of a small file; those of others are not asked for.
  mutating func add(
    _ path: String, target: String?, size: Int, bytes: () throws -> [UInt8]
  ) rethrows {
    let name = FileTree.name(of: path)
    if Self.folders.contains(FileTree.parent(of: path)), name != "busybox" {
      // A hard link to busybox is no program of its own.
      let isBusybox = target.map { FileTree.name(of: $0) == "busybox" } ?? (size == busyboxSize)
      if isBusybox { links.insert(name) } else { others.insert(name) }
    }
    guard target == nil, size <= Self.scriptLimit, let script = ShellScript(try bytes()) else {
      return
    }
    scripts.append((path, script))
  }

  /// What scripts run and nothing answers to: `init: comm, tac`, for each script in the order of paths.
  var lacking: [String] {
    let stale = links.subtracting(applets)
    let candidates = Self.knownApplets.union(links).subtracting(applets).subtracting(others)
    return scripts.sorted { $0.path.isBefore($1.path) }.compactMap { path, script in
      let names = candidates.intersection(script.commands)
        .union(stale.intersection(script.words).subtracting(script.provided))
        .subtracting(others)
      return names.isEmpty ? nil : "\(path): \(names.sorted().joined(separator: ", "))"
    }
  }

  /// What busybox 1.36 can be built with, but for what its shell has built in.
  private static let knownApplets: Set<String> = Set(
    """
    acpid add-shell addgroup adduser adjtimex ar arch arp arping ascii awk base32 base64 basename bc beep blkdiscard
    blkid blockdev bootchartd brctl bunzip2 bzcat bzip2 cal cat chat chattr chgrp chmod chown chpasswd chpst chroot
    chrt chvt cksum clear cmp comm conspy cp cpio crc32 crond crontab cryptpw cttyhack cut date dc dd deallocvt
    delgroup deluser depmod devmem df dhcprelay diff dirname dmesg dnsd dnsdomainname dos2unix dpkg dpkg-deb du
    dumpkmap dumpleases ed egrep eject env envdir envuidgid ether-wake expand expr factor fakeidentd fallocate
    fatattr fbset fbsplash fdflush fdformat fdisk fgconsole fgrep find findfs flash_eraseall flash_lock flash_unlock
    flashcp flock fold free freeramdisk fsck fsck.minix fsfreeze fstrim fsync ftpd ftpget ftpput fuser getopt getty
    grep groups gunzip gzip halt hd hdparm head hexdump hexedit hostid hostname httpd hush hwclock i2cdetect i2cdump
    i2cget i2cset i2ctransfer id ifconfig ifdown ifenslave ifplugd ifup inetd inotifyd insmod install ionice iostat
    ip ipaddr ipcalc ipcrm ipcs iplink ipneigh iproute iprule iptunnel kbd_mode killall killall5 klogd last less
    link linux32 linux64 linuxrc ln loadfont loadkmap logger login logname logread losetup lpd lpq lpr ls lsattr
    lsmod lsof lspci lsscsi lsusb lzcat lzma lzop lzopcat makedevs makemime man md5sum mdev mesg microcom mim minips
    mkdir mkdosfs mke2fs mkfifo mkfs.ext2 mkfs.minix mkfs.vfat mknod mkpasswd mkswap mktemp modinfo modprobe more
    mount mountpoint mpstat mt mv nameif nanddump nandwrite nbd-client nc netcat netstat nice nl nmeter nohup nologin
    nproc nsenter nslookup ntpd nuke od openvt partprobe passwd paste patch pgrep pidof ping ping6 pipe_progress
    pivot_root pkill pmap popmaildir poweroff powertop ps pscan pstree pwdx raidautorun rdate rdev readahead readlink
    readprofile realpath reboot reformime remove-shell renice reset resize resume rev rfkill rm rmdir rmmod route
    rpm rpm2cpio rtcwake run-init run-parts runlevel runsv runsvdir rx script scriptreplay sed seedrng sendmail seq
    setarch setconsole setfattr setfont setkeycodes setlogcons setpriv setserial setsid setuidgid sha1sum sha256sum
    sha3sum sha512sum showkey shred shuf slattach sleep smemcap softlimit sort split ssl_client start-stop-daemon
    stat strings stty su sulogin sum sv svc svlogd svok swapoff swapon switch_root sync sysctl syslogd tac tail tar
    taskset tc tcpsvd tee telnet telnetd tftp tftpd timeout top touch tr traceroute traceroute6 tree truncate ts
    tsort tty ttysize tunctl ubiattach ubidetach ubimkvol ubirename ubirmvol ubirsvol ubiupdatevol udhcpc udhcpc6
    udhcpd udpsvd uevent umount uname uncompress unexpand uniq unix2dos unlink unlzma unlzop unshare unxz unzip
    uptime users usleep uudecode uuencode vconfig vi vlock volname w wall watch watchdog wc wget which who whoami
    whois xargs xxd xz xzcat yes zcat zcip
    """.split(whereSeparator: \.isWhitespace).map(String.init))
}
