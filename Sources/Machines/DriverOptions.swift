internal import Modules

/// The kernel's options that build drivers and file systems, by the names of their modules.
package enum DriverOptions {
  private static let names = [
    "virtio_blk": "VIRTIO_BLK", "virtio_scsi": "SCSI_VIRTIO", "virtio_pci": "VIRTIO_PCI",
    "virtio_mmio": "VIRTIO_MMIO", "virtio_net": "VIRTIO_NET", "virtiofs": "VIRTIO_FS",
    "pci_host_generic": "PCI_HOST_GENERIC", "sd_mod": "BLK_DEV_SD", "ata_piix": "ATA_PIIX",
    "ahci": "SATA_AHCI", "nvme": "BLK_DEV_NVME", "ext4": "EXT4_FS", "xfs": "XFS_FS",
    "btrfs": "BTRFS_FS", "f2fs": "F2FS_FS", "squashfs": "SQUASHFS", "erofs": "EROFS_FS",
    "vfat": "VFAT_FS", "iso9660": "ISO9660_FS", "overlay": "OVERLAY_FS", "9p": "9P_FS",
    "e1000": "E1000", "e1000e": "E1000E", "8139cp": "8139CP", "8139too": "8139TOO",
    "pcnet32": "PCNET32", "vmxnet3": "VMXNET3", "ne2k_pci": "NE2K_PCI",
  ]

  /// Returns whether the configuration option of a module is known.
  package static func isKnown(_ module: String) -> Bool { names[module] != nil }

  /// - Parameter module: a module's name, with underscores.
  /// - Returns: the option without `CONFIG_`; for a module that is not known the name that most have.
  package static func option(of module: String) -> String {
    if let known = names[module] { return known }
    if module.hasPrefix("nls_cp") { return "NLS_CODEPAGE_\(module.dropFirst(6))" }
    return module.uppercased()
  }
}

extension KernelConfiguration {
  /// Whether the module of this name is part of the kernel itself, as far as its option is known: kernels without
  /// modules have no modules.builtin that would say so.
  package func hasBuiltIn(module: String) -> Bool { isBuiltIn(DriverOptions.option(of: module)) }
}
