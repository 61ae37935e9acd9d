#include "CGuest.h"

// The files that the program carries: one line in each list below for a new profile.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t init_script[] = {
#embed "../../ramdisk-template/init"
};

static const uint8_t modules_autoload[] = {
#embed "../../modules.autoload"
};

static const uint8_t profile_9p[] = {
#embed "../../profiles/9p"
};

static const uint8_t profile_all[] = {
#embed "../../profiles/all"
};

static const uint8_t profile_btrfs[] = {
#embed "../../profiles/btrfs"
};

static const uint8_t profile_cloud_hypervisor[] = {
#embed "../../profiles/cloud-hypervisor"
};

static const uint8_t profile_erofs[] = {
#embed "../../profiles/erofs"
};

static const uint8_t profile_f2fs[] = {
#embed "../../profiles/f2fs"
};

static const uint8_t profile_firecracker[] = {
#embed "../../profiles/firecracker"
};

static const uint8_t profile_gns3[] = {
#embed "../../profiles/gns3"
};

static const uint8_t profile_hyper_v[] = {
#embed "../../profiles/hyper-v"
};

static const uint8_t profile_iso9660[] = {
#embed "../../profiles/iso9660"
};

static const uint8_t profile_lvm[] = {
#embed "../../profiles/lvm"
};

static const uint8_t profile_microvm[] = {
#embed "../../profiles/microvm"
};

static const uint8_t profile_nics[] = {
#embed "../../profiles/nics"
};

static const uint8_t profile_overlay[] = {
#embed "../../profiles/overlay"
};

static const uint8_t profile_pmem[] = {
#embed "../../profiles/pmem"
};

static const uint8_t profile_qemu[] = {
#embed "../../profiles/qemu"
};

static const uint8_t profile_scsi[] = {
#embed "../../profiles/scsi"
};

static const uint8_t profile_squashfs[] = {
#embed "../../profiles/squashfs"
};

static const uint8_t profile_usb[] = {
#embed "../../profiles/usb"
};

static const uint8_t profile_vfat[] = {
#embed "../../profiles/vfat"
};

static const uint8_t profile_virtiofs[] = {
#embed "../../profiles/virtiofs"
};

static const uint8_t profile_vmware[] = {
#embed "../../profiles/vmware"
};

static const uint8_t profile_xen[] = {
#embed "../../profiles/xen"
};

static const uint8_t profile_xfs[] = {
#embed "../../profiles/xfs"
};

#define FILE(name, bytes) {name, bytes, sizeof bytes}

const struct minivm_file minivm_init_script = FILE("init", init_script);
const struct minivm_file minivm_modules_autoload = FILE("modules.autoload", modules_autoload);

static const struct minivm_file profiles[] = {
    FILE("9p", profile_9p),
    FILE("all", profile_all),
    FILE("btrfs", profile_btrfs),
    FILE("cloud-hypervisor", profile_cloud_hypervisor),
    FILE("erofs", profile_erofs),
    FILE("f2fs", profile_f2fs),
    FILE("firecracker", profile_firecracker),
    FILE("gns3", profile_gns3),
    FILE("hyper-v", profile_hyper_v),
    FILE("iso9660", profile_iso9660),
    FILE("lvm", profile_lvm),
    FILE("microvm", profile_microvm),
    FILE("nics", profile_nics),
    FILE("overlay", profile_overlay),
    FILE("pmem", profile_pmem),
    FILE("qemu", profile_qemu),
    FILE("scsi", profile_scsi),
    FILE("squashfs", profile_squashfs),
    FILE("usb", profile_usb),
    FILE("vfat", profile_vfat),
    FILE("virtiofs", profile_virtiofs),
    FILE("vmware", profile_vmware),
    FILE("xen", profile_xen),
    FILE("xfs", profile_xfs),
};

const struct minivm_file *minivm_profiles(size_t *count) {
  *count = sizeof profiles / sizeof profiles[0];
  return profiles;
}
