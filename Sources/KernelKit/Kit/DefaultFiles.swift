// swift-format-ignore-file
// Written by scripts/embed-defaults.

/// What `minivm` uses where its user has no file of that kind.
public enum DefaultFiles {

  /// ramdisk-template/init
  public static let initScript = ###"""
#!/bin/sh
# The first program of a kernel that minivm made the RAM disk for: loads the drivers that this
# machine needs, mounts the root file system and hands over to its init.
#
# Written for the shell of busybox, with applets that both Debian's and Alpine's build have. Every
# process costs some ten milliseconds on an emulated machine, so the shell does what it can itself.
#
# What the kernel's command line says is only ever compared, printed or handed on as one quoted
# word; nothing of it is run or expanded. Parameters that the kernel does not know stand in our
# environment and in "$@": both go to the new init as they came. Variables here are called kit_… so
# that none of them is exported in the place of one from the command line.
set -f
PATH=/bin:/sbin:/usr/bin:/usr/sbin
IFS='
 	'
kit_newroot=/newroot
kit_label=minivm-modules

# --- Messages ------------------------------------------------------------------------------------

say() { [ -n "$kit_quiet" ] || printf 'minivm: %s\n' "$1"; }
complain() { printf 'minivm: %s\n' "$1"; }

# --- The command line ----------------------------------------------------------------------------

set_defaults() {
  kit_root='' kit_fstype='' kit_flags='' kit_init='' kit_access=ro kit_wait=10
  kit_quiet='' kit_single='' kit_panic=0 kit_check=auto kit_repair=-p kit_modules=ro
  kit_slow='' kit_coldplug='' kit_facts='' kit_overlay='' kit_target=$kit_newroot
}

# A whole number that fits; anything else is the second argument.
number() {
  case ${1#-} in
    '' | *[!0-9]* | ???????*) kit_number=$2 ;;
    *)
      kit_number=$1
      # What begins with 0 is octal to the shell.
      while :; do
        case $kit_number in
          0?*) kit_number=${kit_number#0} ;;
          -0?*) kit_number=-${kit_number#-0} ;;
          *) break ;;
        esac
      done ;;
  esac
}

# Takes one parameter, with the kernel's rule for quotes: one before the name or the value, and the
# one at the end, are not part of it.
take_parameter() {
  local word=$1 name value=''
  case $word in
    \"*) word=${word#\"} word=${word%\"} ;;
  esac
  name=${word%%=*}
  case $word in
    *=\"*) value=${word#*=} value=${value#\"} value=${value%\"} ;;
    *=*) value=${word#*=} ;;
  esac
  case $name in
    root) kit_root=$value ;;
    rootfstype) kit_fstype=$value ;;
    rootflags) kit_flags=$value ;;
    rootdelay) number "$value" "$kit_wait"; kit_wait=$kit_number ;;
    rootwait) number "$value" forever; kit_wait=$kit_number ;;
    ro | rw) kit_access=$name ;;
    init) kit_init=$value ;;
    quiet) kit_quiet=yes ;;
    single) kit_single=yes ;;
    panic) number "$value" 0; kit_panic=$kit_number ;;
    fsck.mode) kit_check=$value ;;
    fsck.repair)
      case $value in
        yes) kit_repair=-y ;;
        no) kit_repair=-n ;;
        *) kit_repair=-p ;;
      esac ;;
    minivm.modules) kit_modules=$value ;;
    minivm.coldplug) kit_coldplug=$value ;;
    minivm.overlay) kit_overlay=$value ;;
  esac
}

# Splits a command line at blanks outside of double quotes; stops at `--`, as the kernel does.
read_parameters() {
  local rest=$1 word part
  while :; do
    rest=${rest#"${rest%%[![:space:]]*}"}
    [ -n "$rest" ] || return 0
    word=''
    while :; do
      part=${rest%%[[:space:]\"]*}
      word=$word$part rest=${rest#"$part"}
      case $rest in
        \"*\"*)
          rest=${rest#\"} part=${rest%%\"*}
          word=$word\"$part\" rest=${rest#"$part\""} ;;
        \"*) word=$word$rest rest='' ;;
        *) break ;;
      esac
    done
    [ "$word" != -- ] || return 0
    take_parameter "$word"
  done
}

read_command_line() {
  local line text=''
  while IFS= read -r line || [ -n "$line" ]; do text="$text $line"; done </proc/cmdline
  read_parameters "$text"
}

# --- coldplug ------------------------------------------------------------------------------------

# Where it is, /bin/coldplug loads drivers and finds devices in a tenth of the time that the functions
# below take for the same work; they do it where it is not, or does not succeed.

# Runs coldplug with the given options: 0 it did its work, 3 the device that it was to wait for did
# not come, 4 nor did it, but a disk that coldplug does not know, 1 there is none.
run_coldplug() {
  local code
  [ "$kit_coldplug" != shell ] && [ -x /bin/coldplug ] || return 1
  coldplug --label "$kit_label" --report /run/coldplug ${kit_quiet:+--quiet} "$@"
  code=$?
  case $code in
    0 | 3 | 4) read_report </run/coldplug && return $code ;;
  esac
  complain "coldplug failed (its exit code is $code): the shell takes over"
  kit_coldplug=shell kit_facts=''
  return 1
}

# Takes what coldplug says of devices: a line each with what it is, its name, its type and whether a
# check of it is due; at last `end`. False if it does not make sense.
read_report() {
  local what device rest
  kit_facts='|' kit_slow='' kit_root_device='' kit_modules_devices=''
  while read -r what device rest; do
    case $what in
      root) kit_root_device=$device ;;
      modules) kit_modules_devices="$kit_modules_devices $device" ;;
      end)
        kit_slow=$device
        return 0 ;;
      *) return 1 ;;
    esac
    [ -b "$device" ] || return 1
    kit_facts="$kit_facts$device $rest|"
  done
  return 1
} 2>/dev/null

# Sets kit_known to the type and the check of a device, if coldplug told them.
known() {
  case $kit_facts in
    *"|$1 "*)
      kit_known=${kit_facts#*"|$1 "}
      kit_known=${kit_known%%|*} ;;
    *) return 1 ;;
  esac
}

# --- Drivers -------------------------------------------------------------------------------------

# Names from modules.autoload, a line each; `#` starts a comment. kit_names has a line each, too.
read_autoload() {
  local name rest
  kit_names=''
  [ -f /etc/modules.autoload ] || return 0
  while read -r name rest || [ -n "$name" ]; do
    name=${name%%#*}
    [ -z "$name" ] || kit_names="$kit_names$name
"
  done </etc/modules.autoload
}

# Loads what the devices that are there announce and was not tried before; false if there was
# nothing new. All go to one modprobe, which reads its indexes once. -q: most devices' drivers are
# built in or not in the RAM disk, which is as it should be.
load_new_drivers() {
  local alias new=$kit_names
  kit_names=''
  set +f
  set -- /sys/bus/*/devices/*/modalias
  set -f
  # Some have blanks: platform:Fixed MDIO bus.
  IFS='
'
  # shellcheck disable=SC2013 # lines, as IFS says
  for alias in $(cat "$@" 2>/dev/null); do
    case $kit_tried in
      *"|$alias|"*) ;;
      *) kit_tried="$kit_tried$alias|" new="$new$alias
" ;;
    esac
  done
  # shellcheck disable=SC2086 # a list of lines, and set -f holds
  [ -z "$new" ] || modprobe -qa -- $new 2>/dev/null
  IFS='
 	'
  [ -n "$new" ]
}

# A driver finds devices, whose drivers find devices: at most as deep as buses are nested.
load_drivers() {
  local round=0
  run_coldplug && return
  while [ $round -lt 20 ] && load_new_drivers; do round=$((round + 1)); done
  [ $round -gt 0 ]
}

# --- Finding devices -----------------------------------------------------------------------------

# The block devices that there are, as one word list of their sysfs folders.
list_block_devices() {
  set +f
  set -- /sys/class/block/*
  set -f
  kit_blocks=$*
  [ -e "$1" ] || kit_blocks=''
}

# Bytes of a device as words of two hexadecimal digits in kit_hex: DEVICE OFFSET COUNT.
read_hex() {
  kit_hex=$(hexdump -v -s "$2" -n "$3" -e '1/1 "%02x "' "$1" 2>/dev/null)
}

lower() {
  case $1 in
    *[A-F]*) kit_lower=$(printf %s "$1" | tr A-F a-f) ;;
    *) kit_lower=$1 ;;
  esac
}

# Joins bytes of kit_hex: FIRST COUNT.
part() {
  local first=$1 count=$2
  kit_part=''
  # shellcheck disable=SC2086 # words of hexadecimal digits
  set -- $kit_hex
  [ $# -ge $((first + count)) ] || return 0
  shift "$first"
  while [ "$count" -gt 0 ]; do kit_part=$kit_part$1 count=$((count - 1)); shift; done
}

# The same from the last to the first, as little-endian numbers are read.
reversed() {
  local bytes
  part "$1" "$2"
  bytes=$kit_part kit_part=''
  while [ -n "$bytes" ]; do
    kit_part=$kit_part${bytes#"${bytes%??}"} bytes=${bytes%??}
  done
}

# Sets kit_device to the device whose uevent file has this line: NAME=VALUE. The kernel tells a GPT
# partition's name as PARTNAME, and, new ones, the UUID of any partition as PARTUUID.
find_by_uevent() {
  local folder line name found
  for folder in $kit_blocks; do
    found='' name=''
    while IFS= read -r line; do
      case $line in
        DEVNAME=*) name=${line#DEVNAME=} ;;
        "$1") found=yes ;;
      esac
    done 2>/dev/null <"$folder/uevent"
    if [ -n "$found" ] && [ -b "/dev/$name" ]; then
      kit_device=/dev/$name
      return 0
    fi
  done
  return 1
}

# A partition's UUID read from the disk's own table, for kernels whose uevent does not tell it:
# the unique GUID of a GPT entry (UEFI, "GUID Partition Entry"), or the MBR's disk signature and the
# partition's number.
read_partition_uuid() {
  local folder=$1 disk number sector table entry size
  kit_uuid=''
  read -r number <"$folder/partition" || return 1
  disk=$(readlink -f "$folder/..")
  read -r sector <"$disk/queue/logical_block_size" || return 1
  disk=/dev/${disk##*/}
  read_hex "$disk" 0 $((sector + 92))
  part "$sector" 8
  if [ "$kit_part" = 4546492050415254 ]; then
    reversed $((sector + 72)) 8; table=$kit_part
    reversed $((sector + 84)) 4; size=$kit_part
    entry=$((0x$table * sector + (number - 1) * 0x$size))
    read_hex "$disk" $((entry + 16)) 16
    reversed 0 4; kit_uuid=$kit_part
    reversed 4 2; kit_uuid=$kit_uuid-$kit_part
    reversed 6 2; kit_uuid=$kit_uuid-$kit_part
    part 8 2; kit_uuid=$kit_uuid-$kit_part
    part 10 6; kit_uuid=$kit_uuid-$kit_part
  else
    reversed 440 4
    kit_uuid=$(printf '%s-%02x' "$kit_part" "$number")
  fi
}

find_by_partition_uuid() {
  local folder uuid
  lower "$1"
  uuid=$kit_lower
  find_by_uevent "PARTUUID=$uuid" && return 0
  for folder in $kit_blocks; do
    [ -f "$folder/partition" ] || continue
    read_partition_uuid "$folder"
    if [ "$kit_uuid" = "$uuid" ]; then
      kit_device=/dev/${folder##*/}
      return 0
    fi
  done
  return 1
}

# What findfs does, for the busybox of bullseye, which has none: by the superblocks of ext4, XFS and
# Btrfs. UUID or LABEL, and its VALUE.
find_by_superblock() {
  local what=$1 value=$2 folder wanted uuid label size
  if [ "$what" = UUID ]; then
    lower "$value"
    wanted=$(printf %s "$kit_lower" | tr -d -)
  else
    wanted=$(printf %s "$value" | hexdump -v -e '1/1 "%02x"')
  fi
  [ -n "$wanted" ] || return 1
  for folder in $kit_blocks; do
    read_type "/dev/${folder##*/}"
    case $kit_type in
      ext4) uuid=1128 label=1144 size=16 ;;
      xfs) uuid=32 label=108 size=12 ;;
      btrfs) uuid=65568 label=65835 size=256 ;;
      *) continue ;;
    esac
    if [ "$what" = UUID ]; then label=$uuid size=16; fi
    read_hex "/dev/${folder##*/}" $label $size
    part 0 $size
    case $kit_part in
      "$wanted" | "$wanted"00*)
        kit_device=/dev/${folder##*/}
        return 0 ;;
    esac
  done
  return 1
}

# Sets kit_device to what a `root=` value names, if it is there.
find_device() {
  local what=$1 line
  kit_device=''
  # udev writes what is not plain in a link's name as \xNN.
  case $what in
    /dev/disk/by-*uuid/*\\x* | /dev/disk/by-*label/*\\x*) what=$(printf %b "$what") ;;
  esac
  case $what in
    /dev/disk/by-uuid/*) what=UUID=${what#/dev/disk/by-uuid/} ;;
    /dev/disk/by-label/*) what=LABEL=${what#/dev/disk/by-label/} ;;
    /dev/disk/by-partuuid/*) what=PARTUUID=${what#/dev/disk/by-partuuid/} ;;
    /dev/disk/by-partlabel/*) what=PARTLABEL=${what#/dev/disk/by-partlabel/} ;;
  esac
  case $what in
    /dev/*)
      [ -b "$what" ] && kit_device=$what ;;
    UUID=?* | LABEL=?*)
      if command -v findfs >/dev/null; then
        kit_device=$(findfs "$what" 2>/dev/null) && [ -b "$kit_device" ]
      else
        find_by_superblock "${what%%=*}" "${what#*=}"
      fi ;;
    PARTUUID=?*) find_by_partition_uuid "${what#PARTUUID=}" ;;
    PARTLABEL=?*) find_by_uevent "PARTNAME=${what#PARTLABEL=}" ;;
    [0-9]*:[0-9]*)
      while IFS= read -r line; do
        case $line in DEVNAME=*) kit_device=/dev/${line#DEVNAME=} ;; esac
      done 2>/dev/null <"/sys/dev/block/$what/uevent"
      [ -b "$kit_device" ] ;;
    *) false ;;
  esac
}

pause() { sleep 0.1; }

# Tenths of a second since the kernel started.
read_clock() {
  local seconds rest
  read -r seconds rest </proc/uptime
  rest=${seconds#*.} seconds=${seconds%.*}
  kit_clock=$((seconds * 10 + ${rest%?}))
}

# Says once, after two seconds or, where all is to be quiet, ten, what is waited for. `start` and `told` are the
# caller's.
tell() {
  local patience=20
  [ -z "$kit_quiet" ] || patience=100
  [ -z "$told" ] && [ $((kit_clock - start)) -ge $patience ] || return 0
  told=yes
  complain "waiting for $1"
}

# Loads drivers until DEVICE is there; false after kit_wait seconds. A search opens every device, so
# it is made again only when there are others than before.
wait_for_device() {
  local seen=none start told='' left=$kit_wait unknown=all code
  read_clock
  start=$kit_clock
  while :; do
    run_coldplug --root "$1" --wait "$left" --unknown $unknown
    code=$?
    case $code in
      0)
        kit_device=$kit_root_device
        return 0 ;;
      1) break ;;
    esac
    # There are file systems that only findfs knows.
    find_device "$1" && return 0
    [ $code = 4 ] || return 1
    unknown=late
    read_clock
    [ "$kit_wait" = forever ] || left=$((kit_wait - (kit_clock - start) / 10))
  done
  while :; do
    load_drivers
    list_block_devices
    case $1 in
      /dev/*) find_device "$1" && return 0 ;;
      *)
        if [ "$kit_blocks" != "$seen" ]; then
          seen=$kit_blocks
          find_device "$1" && return 0
        fi ;;
    esac
    read_clock
    if [ "$kit_wait" != forever ] && [ $((kit_clock - start)) -ge $((kit_wait * 10)) ]; then
      return 1
    fi
    tell "$1"
    kit_slow=yes
    pause
  done
}

# --- File systems --------------------------------------------------------------------------------

# Sets kit_type to the type that a device's first bytes tell, or to nothing.
read_type() {
  kit_type=''
  if known "$1"; then
    kit_type=${kit_known%% *}
    [ "$kit_type" != - ] || kit_type=''
    return
  fi
  read_hex "$1" 0 1152
  case $kit_hex in
    '58 46 53 42 '*) kit_type=xfs; return ;;
    '68 73 71 73 '*) kit_type=squashfs; return ;;
  esac
  # The ext4 driver mounts ext2 and ext3 as well.
  part 1080 2
  [ "$kit_part" != 53ef ] || { kit_type=ext4; return; }
  part 1024 4
  case $kit_part in
    e2e1f5e0) kit_type=erofs; return ;;
    1020f5f2) kit_type=f2fs; return ;;
  esac
  # "FAT1" of FAT12 and FAT16, "FAT3" of FAT32.
  part 54 4
  [ "$kit_part" != 46415431 ] || { kit_type=vfat; return; }
  part 82 4
  [ "$kit_part" != 46415433 ] || { kit_type=vfat; return; }
  read_hex "$1" 65600 8
  part 0 8
  [ "$kit_part" != 5f42485266535f4d ] || { kit_type=btrfs; return; }
  read_hex "$1" 32769 5
  part 0 5
  [ "$kit_part" != 4344303031 ] || kit_type=iso9660
}

# Whether nothing can be written to a disk, whoever asks.
is_protected() {
  local flag=0
  read -r flag <"/sys/class/block/${1##*/}/ro"
  [ "$flag" = 1 ]
} 2>/dev/null

# Checks an ext2, ext3 or ext4 file system that will be written to. False: it can't be trusted.
check() {
  local device=$1 code text force='' repair=$kit_repair
  [ "$kit_check" != skip ] || return 0
  if [ "$kit_check" != force ] && known "$device" && [ "${kit_known#* }" = clean ]; then
    say "$device is clean"
    return 0
  fi
  if ! command -v e2fsck >/dev/null; then
    say "no e2fsck in this RAM disk: $device is not checked"
    return 0
  fi
  [ "$kit_check" != force ] || force=-f
  ! is_protected "$device" || repair=-n
  text=$(e2fsck $repair $force "$device" 2>&1)
  code=$?
  if [ $code -ne 0 ] || [ -z "$kit_quiet" ]; then printf '%s\n' "$text"; fi
  if [ $code -ge 4 ]; then
    complain "$device has errors that e2fsck did not repair (its exit code is $code)"
    complain "to repair it by hand: e2fsck -y $device"
    return 1
  fi
  if [ $((code & 2)) -ne 0 ]; then
    complain "$device was repaired; the machine has to start again"
    reboot -f
    sleep 60
  fi
  [ $code -ne 1 ] || complain "$device was repaired"
  return 0
}

# Mounts DEVICE on FOLDER, ro or rw: DEVICE FOLDER ACCESS TYPES FLAGS. Sets kit_granted to ro or rw. 2: it can't
# be trusted, and was not tried.
mount_checked() {
  local device=$1 folder=$2 access=$3 types=$4 flags=$5 type
  if [ "$access" = rw ] && is_protected "$device"; then
    complain "$device is write-protected: it is mounted read-only"
    access=ro
  fi
  read_type "$device"
  [ -n "$types" ] || types=$kit_type
  kit_tried_types=${types:-every type that this kernel knows}
  # Nothing is ever written to these.
  case $kit_type in
    squashfs | erofs | iso9660) access=ro ;;
  esac
  kit_granted=$access
  case $kit_type in
    ext*) [ "$access" = ro ] && [ "$kit_check" != force ] || check "$device" || return 2 ;;
  esac
  if [ -z "$types" ]; then
    mount -o "$access${flags:+,$flags}" -- "$device" "$folder"
    return
  fi
  IFS=,
  # shellcheck disable=SC2086 # a list with commas, and set -f holds
  set -- $types
  IFS='
 	'
  for type; do
    mount -t "$type" -o "$access${flags:+,$flags}" -- "$device" "$folder" && return 0
  done
  return 1
}

mount_root() {
  local code
  mount_checked "$kit_device" "$kit_target" "$kit_access" "$kit_fstype" "$kit_flags"
  code=$?
  if [ $code = 0 ]; then
    say "root is $kit_device ($kit_tried_types, $kit_granted)"
    return 0
  fi
  complain "can't mount $kit_device as root ($kit_tried_types; $kit_granted${kit_flags:+,$kit_flags})"
  [ $code = 2 ] || explain_mount "$kit_device"
  return 1
}

# What may be the reason that a device could not be mounted.
explain_mount() {
  local word rest known=' '
  while read -r word rest; do known="$known$word "; done </proc/filesystems
  case $known in
    *" ${kit_type:-nodev} "*) ;;
    *)
      if [ "$kit_type" = swap ]; then
        complain 'it is a swap area'
      else
        complain "this kernel does not know $kit_type: is its module in the RAM disk?"
      fi ;;
  esac
  set +f
  set -- "/sys/class/block/${1##*/}/"*/partition
  set -f
  [ ! -e "$1" ] || complain "it has partitions: root= may have to name one of them"
}

# Whether root is a folder of the host, which has a tag, and no device. Sets kit_tag.
is_shared() {
  case $kit_root in
    virtiofs:?* | 9p:?*) kit_fstype=${kit_root%%:*} kit_tag=${kit_root#*:} ;;
    *) kit_tag=$kit_root ;;
  esac
  case $kit_fstype in
    virtiofs) ;;
    9p) [ -n "$kit_flags" ] || kit_flags=trans=virtio,version=9p2000.L,msize=262144 ;;
    *) false ;;
  esac
}

# Nothing but its mounting tells that a tag is there: it is tried for kit_wait seconds.
mount_shared() {
  local start told='' options=$kit_access${kit_flags:+,$kit_flags}
  read_clock
  start=$kit_clock
  while :; do
    load_drivers
    if mount -t "$kit_fstype" -o "$options" -- "$kit_tag" "$kit_target" 2>/dev/null; then
      say "root is $kit_tag ($kit_fstype, $kit_access)"
      return 0
    fi
    read_clock
    [ "$kit_wait" = forever ] || [ $((kit_clock - start)) -lt $((kit_wait * 10)) ] || break
    tell "$kit_tag"
    pause
  done
  # Once more, for its words.
  mount -t "$kit_fstype" -o "$options" -- "$kit_tag" "$kit_target"
  complain "can't mount the host's folder $kit_tag as root ($kit_fstype; $options)"
  return 1
}

# Where root is mounted, and how, when what the guest changes is to go to RAM.
prepare_overlay() {
  case $kit_overlay in
    '') ;;
    tmpfs | tmpfs,*)
      kit_target=/run/minivm/lower kit_access=ro
      mkdir -p "$kit_target" /run/minivm/ram ;;
    *)
      complain "minivm.overlay=$kit_overlay is not known: it is tmpfs, or tmpfs,size=100M"
      kit_overlay='' ;;
  esac
}

# Lays a file system in RAM over the root that is mounted below /run, which goes with it to the guest.
mount_overlay() {
  local ram=/run/minivm/ram
  [ -n "$kit_overlay" ] || return 0
  if mount -t tmpfs -o "mode=0755${kit_overlay#tmpfs}" tmpfs $ram &&
    mkdir $ram/upper $ram/work &&
    mount -t overlay -o "lowerdir=$kit_target,upperdir=$ram/upper,workdir=$ram/work" \
      overlay $kit_newroot
  then
    say "root's changes go to RAM ($kit_overlay)"
    return 0
  fi
  complain "can't lay RAM over root: is the overlay module in the RAM disk?"
  umount $ram 2>/dev/null
  umount "$kit_target"
  return 1
}

# Sets kit_found to where a path of the new root lies, as seen from here: links are followed as if
# the new root was / already. False if nothing is there.
find_inside() {
  local rest=$1 name target links=0 at=''
  while [ -n "$rest" ]; do
    name=${rest%%/*}
    case $rest in
      */*) rest=${rest#*/} ;;
      *) rest='' ;;
    esac
    case $name in
      '' | .) ;;
      ..) at=${at%/*} ;;
      *)
        at=$at/$name
        if [ -L "$kit_newroot$at" ]; then
          links=$((links + 1))
          [ $links -le 40 ] || return 1
          target=$(readlink "$kit_newroot$at")
          case $target in
            /*) at='' ;;
            *) at=${at%/*} ;;
          esac
          rest=$target/$rest
        fi ;;
    esac
  done
  kit_found=$kit_newroot$at
  [ -e "$kit_found" ]
}

# --- The modules disk ----------------------------------------------------------------------------

# Sets kit_modules_devices. The kernel ends the loading of a module when the probing that it began has
# ended, so what is there now is all there is; only where root itself came late can this disk come later.
find_modules_disks() {
  local tries=0
  if [ -n "$kit_facts" ]; then
    [ -n "$kit_modules_devices" ] || [ -z "$kit_slow" ] ||
      run_coldplug --root "LABEL=$kit_label" --wait 1
    [ -n "$kit_modules_devices" ]
    return
  fi
  list_block_devices
  while ! find_device "LABEL=$kit_label"; do
    [ -n "$kit_slow" ] && [ $tries -lt 10 ] || return 1
    tries=$((tries + 1))
    pause
    load_drivers
  done
  kit_modules_devices=$kit_device
}

# The same without coldplug, where find_device has told of one only: the others of its label.
find_more_modules_disks() {
  local known=$kit_modules_devices all=$kit_blocks folder
  kit_modules_devices=''
  for folder in $all; do
    kit_blocks=$folder
    [ "/dev/${folder##*/}" = "$known" ] || ! find_by_superblock LABEL "$kit_label" ||
      kit_modules_devices="$kit_modules_devices $kit_device"
  done
  [ -n "$kit_modules_devices" ]
}

# Mounts the first of the disks that has modules for this kernel: RELEASE FOLDER ACCESS. Adds those that
# have none to kit_without.
mount_modules_disk() {
  local device
  for device in $kit_modules_devices; do
    if ! mount_checked "$device" "$2" "$3" ext4 ''; then
      complain "can't mount $device, the disk labelled $kit_label, on /lib/modules"
    elif [ -d "$2/$1" ]; then
      say "/lib/modules is $device ($kit_granted)"
      return 0
    else
      umount "$2"
      kit_without="$kit_without $device"
    fi
  done
  return 1
}

mount_modules() {
  local release access=$kit_modules device
  case $access in
    ro | rw) ;;
    *) return 0 ;;
  esac
  read -r release </proc/sys/kernel/osrelease
  find_inside "/lib/modules/$release" && return 0
  if ! find_modules_disks; then
    say "root has no /lib/modules/$release, and there is no disk labelled $kit_label"
    return 0
  fi
  if ! find_inside /lib/modules && ! mkdir -p "$kit_found" 2>/dev/null; then
    complain "${kit_modules_devices# } is not mounted: root has no folder /lib/modules and is read-only"
    return 0
  fi
  kit_without=''
  mount_modules_disk "$release" "$kit_found" "$access" && return 0
  [ -n "$kit_facts" ] || ! find_more_modules_disks ||
    ! mount_modules_disk "$release" "$kit_found" "$access" || return 0
  for device in $kit_without; do
    complain "$device, the disk labelled $kit_label, has no modules for $release"
  done
  return 0
}

# --- When something is missing -------------------------------------------------------------------

show_block_devices() {
  local folder name size any='' label
  list_block_devices
  for folder in $kit_blocks; do
    name=${folder##*/}
    read -r size <"$folder/size"
    [ "$size" != 0 ] || continue
    [ -n "$any" ] || printf 'Block devices:\n'
    any=yes label=''
    read_type "/dev/$name"
    if [ "$kit_type" = ext4 ]; then
      label=$(hexdump -v -s 1144 -n 16 -e '1/1 "%_p"' "/dev/$name")
      while [ "${label%.}" != "$label" ]; do label=${label%.}; done
    fi
    printf '  /dev/%-12s %8s MiB  %-9s %s\n' "$name" $((size / 2048)) "${kit_type:--}" "$label"
  done
  [ -n "$any" ] || complain "there are no block devices: is the disk's driver in the RAM disk?"
}

# The terminal behind /dev/console, which itself can't be a controlling terminal.
find_terminal() {
  local name='' rest
  read -r rest </sys/class/tty/console/active
  name=${rest##* }
  [ "$name" != tty0 ] || read -r name </sys/class/tty/tty0/active
  kit_terminal=/dev/$name
  [ -c "$kit_terminal" ] || kit_terminal=/dev/console
} 2>/dev/null

open_shell() {
  find_terminal
  complain "this is a shell in the RAM disk; leave it with 'exit' to $1"
  # shellcheck disable=SC2094 # a terminal, not a file that is read and written at once
  PS1='(ramdisk) # ' setsid -c sh -i <"$kit_terminal" >"$kit_terminal" 2>&1
}

# Something that the machine can't start without is missing. Returns when the user has seen to it.
recover() {
  if [ "$kit_panic" -ne 0 ]; then
    show_block_devices
    complain "starting again (panic=$kit_panic)"
    [ "$kit_panic" -lt 0 ] || sleep "$kit_panic"
    reboot -f
    sleep 60
  fi
  show_block_devices
  open_shell 'try again'
  # Where the console gives no input the shell ends at once: no reason to turn in circles.
  sleep 1
  kit_tried='|'
}

# --- The way through -----------------------------------------------------------------------------

mount_system() {
  local name
  # The image has these folders; a process for making them is saved.
  for name in /proc /sys /dev /run /etc "$kit_newroot"; do [ -d "$name" ] || mkdir "$name"; done
  # One process for four mounts.
  printf '%s\n' 'proc /proc proc nosuid,nodev,noexec' 'sysfs /sys sysfs nosuid,nodev,noexec' \
    'devtmpfs /dev devtmpfs nosuid,mode=0755' 'tmpfs /run tmpfs nosuid,nodev,mode=0755' >/etc/fstab
  mount -a
  # Where the kernel looks for modprobe when it wants a file system's or a cipher's module. The new
  # root gets back what was there.
  read -r kit_modprobe </proc/sys/kernel/modprobe
  [ -x "$kit_modprobe" ] || echo /bin/modprobe >/proc/sys/kernel/modprobe
}

mount_root_when_ready() {
  while :; do
    if [ -z "$kit_root" ]; then
      load_drivers
      complain "the kernel's command line has no root=: there is nothing to mount"
    elif is_shared; then
      mount_shared && mount_overlay && return 0
    elif ! wait_for_device "$kit_root"; then
      complain "can't find the root device $kit_root (waited $kit_wait s)"
    elif mount_root && mount_overlay; then
      return 0
    fi
    recover
    grep -q " $kit_newroot " /proc/mounts && return 0
  done
}

# Sets kit_init to the program to hand over to: what init= says, or what the kernel itself tries.
find_init() {
  local init
  for init in "$kit_init" /sbin/init /etc/init /bin/init /bin/sh; do
    [ -n "$init" ] || continue
    if find_inside "$init" && [ -f "$kit_found" ] && [ -x "$kit_found" ]; then
      kit_init=$init
      return 0
    fi
    [ "$init" != "$kit_init" ] || complain "root has no program $init (init=), trying others"
  done
  complain "root has no init: tried /sbin/init, /etc/init, /bin/init and /bin/sh"
  return 1
}

move_mounts() {
  local name
  for name in dev run sys proc; do
    if [ -d "$kit_newroot/$name" ] && [ ! -L "$kit_newroot/$name" ]; then
      printf '%s\n' "/$name $kit_newroot/$name none move"
    fi
  done >/etc/fstab
  mount -a
}

set_defaults
kit_tried='|'
mount_system
read_command_line
read_autoload
if [ -n "$kit_single" ]; then
  load_drivers
  open_shell 'go on'
fi
prepare_overlay
mount_root_when_ready
mount_modules
until find_init; do recover; done
say "starting $kit_init"
echo "$kit_modprobe" >/proc/sys/kernel/modprobe
move_mounts
exec switch_root "$kit_newroot" "$kit_init" "$@"

"""###

  /// modules.autoload
  public static let modulesAutoload = ###"""
# Modules that the RAM disk loads first, in this order, whatever devices there are: those that no
# device announces. Drivers are not listed here: the RAM disk finds them by the devices it sees.
#
# One name a line, dashes or underscores; `#` starts a comment. A name here puts the module into the
# RAM disk too. One that is built into the kernel is fine; one that the kernel doesn't have is an
# error, unless the line starts with `?`.

ext4        # the root's filesystem: mount(8) tries what the kernel knows when no rootfstype= is given
# squashfs  # for roots of these kinds
# erofs
# overlay
# xfs

"""###

  /// The folder profiles: name and text, by name.
  public static let profiles: [(name: String, text: String)] = [
    ("9p", ###"""
# Folders of the host: 9P over virtio.
virtio:d00000009v00001AF4 9pnet_virtio              # -virtfs, -device virtio-9p-pci
9p

"""###),
    ("all", ###"""
# Every module of the kernel: to find out which of them a machine needs (minivm discover).
*

"""###),
    ("btrfs", ###"""
# Roots on Btrfs.
btrfs

"""###),
    ("cloud-hypervisor", ###"""
# Cloud Hypervisor: virtio devices on PCI.
pci:v00001AF4d00001042sv00001AF4sd00001042bc01sc80i00 virtio_pci    # all devices
virtio:d00000002v00001AF4 virtio_blk                # --disk
ext4
? crc32c_intel
@squashfs
@erofs
@overlay
virtio:d00000001v00001AF4 virtio_net                # --net
virtio:d00000003v00001AF4 virtio_console            # --console tty: console=hvc0
virtio:d00000004v00001AF4 virtio_rng                # --rng
? virtio:d00000013v00001AF4 vmw_vsock_virtio_transport  # --vsock
@virtiofs

"""###),
    ("erofs", ###"""
# Read-only roots: erofs, faster than squashfs.
erofs

"""###),
    ("f2fs", ###"""
# Roots on F2FS.
f2fs

"""###),
    ("firecracker", ###"""
# Firecracker: virtio devices that ACPI (x86) or a device tree (arm64) tells of, or on PCI.
#
# Versions before 1.8 tell of their devices on the kernel's command line only, which Debian's
# kernels don't read (CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES).
? acpi:LNRO0005: virtio_mmio                        # x86
? of:Nvirtio_mmioT(null)Cvirtio,mmio virtio_mmio    # arm64
? pci:v00001AF4d00001042sv00001AF4sd00001042bc01sc80i00 virtio_pci  # --enable-pci, since 1.13
virtio:d00000002v00000000 virtio_blk                # drives
ext4
? crc32c_intel
@squashfs
@erofs
@overlay
virtio:d00000001v00000000 virtio_net                # network-interfaces
? virtio:d00000013v00000000 vmw_vsock_virtio_transport  # vsock
virtio:d00000004v00000000 virtio_rng                # entropy

"""###),
    ("gns3", ###"""
# GNS3's QEMU nodes: any disk interface and network adapter of its menus, and ISO images.
@qemu
@nics
@scsi
@iso9660
@vfat

"""###),
    ("hyper-v", ###"""
# Hyper-V's disks, network cards and keyboard.
? hv_vmbus
? hv_storvsc
? hv_netvsc
? hyperv_keyboard
scsi:t-0x00 sd_mod

"""###),
    ("iso9660", ###"""
# CD-ROMs and what is on them: cloud-init's seeds.
? scsi:t-0x05 sr_mod                                # -cdrom, -device ide-cd, scsi-cd
? isofs

"""###),
    ("lvm", ###"""
# The device mapper: LVM, dm-verity, dm-crypt. The RAM disk has no programs that set it up.
dm_mod
? dm_verity
? dm_crypt

"""###),
    ("microvm", ###"""
# QEMU's microvm: virtio devices that ACPI tells of, or on PCIe, and nothing else.
acpi:LNRO0005: virtio_mmio                          # -device virtio-*-device
? pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00 virtio_pci  # -M microvm,pcie=on
virtio:d00000002v00001AF4 virtio_blk                # -device virtio-blk-device
virtio:d00000008v00001AF4 virtio_scsi               # -device virtio-scsi-device
scsi:t-0x00 sd_mod                                  # disks on it
ext4
? crc32c_intel
@squashfs
@erofs
@overlay
virtio:d00000001v00001AF4 virtio_net                # -device virtio-net-device
virtio:d00000003v00001AF4 virtio_console            # console=hvc0
virtio:d00000004v00001AF4 virtio_rng                # random numbers from the host

"""###),
    ("nics", ###"""
# The network cards that QEMU emulates.
virtio:d00000001v00001AF4 virtio_net                # -device virtio-net-pci
? pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00 e1000     # -device e1000
? pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00 e1000e    # -device e1000e
? pci:v00008086d000010C9sv00008086sd0000A03Cbc02sc00i00 igb       # -device igb
? pci:v000010ECd00008139sv00001AF4sd00001100bc02sc00i00 8139cp    # -device rtl8139
? pci:v000015ADd000007B0sv000015ADsd000007B0bc02sc00i00 vmxnet3   # -device vmxnet3
? pci:v00001022d00002000sv00001AF4sd00001100bc02sc00i00 pcnet32   # -device pcnet
? pci:v000010ECd00008029sv00001AF4sd00001100bc02sc00i00 ne2k_pci  # -device ne2k_pci
? pci:v00008086d00001209sv00001AF4sd00001100bc02sc00i00 e100      # -device i82551 to i82562
? pci:v00001011d00000019sv0000103Csd0000104Fbc02sc00i00 tulip     # -device tulip

"""###),
    ("overlay", ###"""
# A writable layer over a read-only root.
overlay

"""###),
    ("pmem", ###"""
# Persistent memory of the host.
virtio:d0000001Bv00001AF4 virtio_pmem               # -device virtio-pmem-pci
? nd_pmem

"""###),
    ("qemu", ###"""
# QEMU's pc, q35 and virt: virtio, emulated disks and the usual network cards. The default.
#
# How to read a profile. One entry a line:
#   pci:v… driver    a device, as /sys/bus/*/devices/*/modalias has it: every module of the kernel
#                    that takes it, as modprobe finds them. The name behind it is of the driver that
#                    a kernel without such a module may have built in.
#   name             a module, or an alias such as fs-ext4; `*` and `?` are wildcards
#   @name            all of another profile
#   ? …              fine if a kernel has neither the module nor built it in
#   - …              takes modules out again
# What is behind `#` says which device the line is for; `minivm explain` and the manifest repeat it.

# How devices are found.
pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00 virtio_pci   # all -device virtio-*-pci
? acpi:LNRO0005: virtio_mmio                        # -device virtio-*-device of microvm
? of:Nvirtio_mmioT(null)Cvirtio,mmio virtio_mmio    # -device virtio-*-device of virt

# Where the root disk is.
virtio:d00000002v00001AF4 virtio_blk                # -drive if=virtio, -device virtio-blk-pci
virtio:d00000008v00001AF4 virtio_scsi               # -device virtio-scsi-pci, with the SCSI core
scsi:t-0x00 sd_mod                                  # disks of any SCSI, SATA or IDE controller
? pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02 nvme      # -device nvme
? pci:v00008086d00007010sv00001AF4sd00001100bc01sc01i80 ata_piix  # IDE disks of pc, with libata
? pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01 ahci      # SATA disks of q35, -device ahci

# What is on it.
ext4                                                # with the quick checksums of x86
? crc32c_intel
@squashfs
@erofs
@overlay

# Networks: for roots that come from there. Others are in the profile nics.
virtio:d00000001v00001AF4 virtio_net                # -device virtio-net-pci
? pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00 e1000     # -device e1000
? pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00 e1000e    # -device e1000e

# Things that a system wants before its root disk is there.
virtio:d00000003v00001AF4 virtio_console            # console=hvc0
virtio:d00000004v00001AF4 virtio_rng                # random numbers from the host

"""###),
    ("scsi", ###"""
# The SCSI controllers that QEMU emulates beside virtio-scsi.
? pci:v00001000d00000012sv00001AF4sd00001000bc01sc00i00 sym53c8xx     # -device lsi53c895a
? pci:v00001000d00000060sv00001000sd00001013bc01sc04i00 megaraid_sas  # -device megasas
? pci:v00001000d00000054sv00001000sd00008000bc01sc00i00 mptsas        # -device mptsas1068
? pci:v00001022d00002020sv00001AF4sd00001100bc01sc00i00 am53c974      # -device am53c974
? pci:v000015ADd000007C0sv000015ADsd000007C0bc01sc00i00 vmw_pvscsi    # -device pvscsi
scsi:t-0x00 sd_mod                                  # disks on them

"""###),
    ("squashfs", ###"""
# Read-only roots: squashfs.
squashfs

"""###),
    ("usb", ###"""
# Disks on USB.
? pci:v00001B36d0000000Dsv00001AF4sd00001100bc0Csc03i30 xhci_pci      # -device qemu-xhci
? pci:v00008086d0000293Asv00001AF4sd00001100bc0Csc03i20 ehci_pci      # -device ich9-usb-ehci1
? pci:v00008086d00007020sv00001AF4sd00001100bc0Csc03i00 uhci_hcd      # -device piix3-usb-uhci
usb_storage                                         # -device usb-storage
? uas                                               # -device usb-uas
scsi:t-0x00 sd_mod

"""###),
    ("vfat", ###"""
# FAT disks, with the character sets that the kernel asks for when it mounts one.
vfat
? nls_cp437
? nls_ascii
? nls_iso8859-1

"""###),
    ("virtiofs", ###"""
# Folders of the host: virtio-fs.
virtio:d0000001Av00001AF4 virtiofs                  # -device vhost-user-fs-pci

"""###),
    ("vmware", ###"""
# VMware's disks and network cards.
? pci:v000015ADd000007C0sv000015ADsd000007C0bc01sc00i00 vmw_pvscsi
? pci:v00001000d00000030sv000015ADsd00001976bc01sc00i00 mptspi    # LSI Logic Parallel
? pci:v000015ADd000007E0sv000015ADsd000007E0bc01sc06i01 ahci      # SATA
? pci:v000015ADd000007F0sv000015ADsd000007F0bc01sc08i02 nvme
scsi:t-0x00 sd_mod
? pci:v000015ADd000007B0sv000015ADsd000007B0bc02sc00i00 vmxnet3
? pci:v00008086d000010D3sv000015ADsd000007D0bc02sc00i00 e1000e

"""###),
    ("xen", ###"""
# Xen's disks and network cards.
? xen:vbd xen_blkfront
? xen:vif xen_netfront

"""###),
    ("xfs", ###"""
# Roots on XFS.
xfs

"""###),
  ]
}
