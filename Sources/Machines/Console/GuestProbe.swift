internal import Formats
internal import Modules

/// A program for a guest that finds out what the machine has and what drives it, and says so on the
/// console, and what it said.
package struct GuestProbe: Sendable {
  /// A device of the machine, as the guest's sysfs has it.
  package struct Device: Sendable, Hashable {
    /// In sysfs, below /sys/devices.
    package var path: String
    /// What the kernel asks modprobe for.
    package var modalias: String
    /// Of the driver that has it; nil when none has, or one without a module.
    package var module: String?
    /// The driver that is bound to it; nil for none.
    package var driver: String?
  }

  /// The report's last line.
  package static let end = "minivm: the report is complete"
  private static let prefix = "minivm-report: "

  /// All devices with a modalias, in the order of the report.
  package private(set) var devices: [Device] = []
  /// Block devices and network cards: their names and where they are in sysfs.
  package private(set) var blockDevices: [(name: String, path: String)] = []
  /// Network interfaces: their names and where they are in sysfs.
  package private(set) var networkCards: [(name: String, path: String)] = []
  /// The type of the root disk's file system, when it could be mounted.
  package private(set) var rootType: String?

  /// Makes the report of a guest that has not said anything.
  package init() {}

  /// Takes a line of the console.
  package mutating func take(_ line: String) {
    guard let start = line.firstRange(of: Self.prefix) else { return }
    let words = line[start.upperBound...].split(separator: " ", omittingEmptySubsequences: false)
      .map(String.init)
    switch (words.first, words.count) {
    case ("device", 5):
      devices.append(
        Device(
          path: words[1], modalias: words[2], module: Self.name(words[3]),
          driver: words[4] == "-" ? nil : words[4]))
    case ("block", 3): blockDevices.append((words[1], words[2]))
    case ("network", 3): networkCards.append((words[1], words[2]))
    case ("root", 2): rootType = words[1]
    default: break
    }
  }

  private static func name(_ word: String) -> String? {
    word == "-" ? nil : ModuleName.normalized(word)
  }

  /// Devices on the way to a place in sysfs, the outermost first.
  package func way(to path: String) -> [Device] {
    devices.filter { path == $0.path || path.hasPrefix($0.path + "/") }
      .sorted { $0.path.utf8.count < $1.path.utf8.count }
  }

  /// For the shell of busybox, as a RAM disk's init, or as that of a root disk.
  ///
  /// In a RAM disk it loads the drivers of all devices first, as the init of a kit does, and tries
  /// which of the types mounts the root disk.
  package static func script(rootTypes: [String] = []) -> String {
    """
    #!/bin/busybox sh
    # Says what this machine has and what drives it, for `minivm discover`.
    b=/bin/busybox
    set -f
    [ -e /proc/mounts ] || $b mount -t proc proc /proc
    [ -e /sys/module ] || $b mount -t sysfs sys /sys
    echo 1 >/proc/sys/kernel/printk
    report() { echo "\(prefix)$*"; }

    if [ -e /discover ]; then
      $b mount -t devtmpfs dev /dev
      $b mkdir -p /sbin
      $b ln -sf /bin/busybox /sbin/modprobe
      echo /sbin/modprobe >/proc/sys/kernel/modprobe
      tried='|' quiet=0
      while [ $quiet -lt 5 ]; do
        new=''
        set +f
        set -- /sys/bus/*/devices/*/modalias
        set -f
        for alias in $($b cat "$@" 2>/dev/null); do
          case $tried in
            *"|$alias|"*) ;;
            *) tried="$tried$alias|" new="$new $alias" ;;
          esac
        done
        if [ -n "$new" ]; then
          quiet=0
          $b modprobe -qa -- $new 2>/dev/null
        else
          # Disks appear a moment after their controllers.
          quiet=$((quiet + 1))
          $b sleep 0.3
        fi
      done
      read -r line </proc/cmdline
      for word in $line; do
        case $word in root=*) root=${word#root=} ;; esac
      done
      $b mkdir -p /newroot
      for type in \(rootTypes.joined(separator: " ")); do
        $b mount -r -t $type $root /newroot 2>/dev/null || continue
        report root $type
        break
      done
    fi

    set +f
    for folder in /sys/bus/*/devices/*; do
      [ -e $folder/modalias ] || continue
      read -r alias <$folder/modalias || continue
      case $alias in '' | *' '*) continue ;; esac
      module=- driver=-
      if [ -e $folder/driver ]; then
        driver=$($b readlink $folder/driver) driver=${driver##*/}
        if [ -e $folder/driver/module ]; then
          module=$($b readlink $folder/driver/module) module=${module##*/}
        fi
      fi
      report device $($b readlink -f $folder) $alias $module $driver
    done
    for folder in /sys/class/block/*; do
      [ -e $folder ] || continue
      report block ${folder##*/} $($b readlink -f $folder)
    done
    for folder in /sys/class/net/*; do
      [ -e $folder/device ] || continue
      report network ${folder##*/} $($b readlink -f $folder/device)
    done
    echo "\(end)"
    $b sync
    $b poweroff -f

    """
  }
}
