extension ModuleIndex.Module {
  /// Those in the folders of controllers that have no disks of their own.
  private static let others: Set<String> = [
    "loop", "zram", "brd", "nbd", "scsi_mod", "scsi_common", "sd_mod", "sr_mod", "sg", "st", "ch",
    "libata", "libahci",
    "nvme_core", "nvme_fabrics", "raid_class", "mmc_core",
  ]

  /// Whether its place says that it drives controllers of disks.
  package var isController: Bool {
    !Self.others.contains(name) && !name.hasPrefix("scsi_transport_")
      && ["block", "scsi", "ata", "nvme", "mmc", "usb/storage", "message/fusion", "nvdimm"]
        .contains { path.hasPrefix("kernel/drivers/\($0)/") }
  }
}
