internal import Formats
internal import Modules

extension RootCheck {
  /// What is wrong with a RAM disk as a whole: archives that the kernel can't unpack, an `/init` that it can't
  /// start.
  static func problems(
    of ramDisk: RamDiskContent, _ release: KernelRelease, _ configuration: KernelConfiguration?
  ) -> [Step] {
    var steps: [Step] = []
    func add(_ name: String, _ problem: String, _ advice: String) {
      var step = Step(kind: "initramfs", name: name, state: .missing, isOptional: false)
      (step.problem, step.advice) = (problem, advice)
      steps.append(step)
    }
    let needsOption = ramDisk.parts.allSatisfy { $0.compression == .none }
    if needsOption, let configuration, !configuration.isBuiltIn("BLK_DEV_INITRD"),
      !["GZIP", "BZIP2", "LZMA", "XZ", "LZO", "LZ4", "ZSTD"].contains(where: {
        configuration.isBuiltIn("RD_\($0)")  // each of which needs it
      })
    {
      add(
        "initramfs", "kernel \(release) was built without CONFIG_BLK_DEV_INITRD",
        "use another kernel")
    }
    for part in ramDisk.parts where part.compression != .none {
      let form = part.compression.rawValue
      let place = ramDisk.parts.count > 1 ? " (the archive at byte \(part.offset))" : ""
      let option = "RD_\(form.uppercased())"
      if let obstacle = part.obstacle {
        add(
          form, "kernel \(release) can't unpack the initramfs\(place): \(obstacle)",
          part.compression == .xz
            ? "compress it with xz --check=crc32, or build the kit again" : "build the kit again")
      } else if let configuration, !configuration.isBuiltIn(option) {
        add(
          form,
          "kernel \(release) can't unpack the initramfs\(place): it was built without CONFIG_\(option)",
          "build the kit again: it picks a compression that the kernel supports")
      }
    }
    if let problem = ramDisk.initProblem {
      add("/init", problem, "build the kit again, or boot it to see")
    }
    for line in ramDisk.lackingPrograms {
      var step = Step(kind: "initramfs", name: line, state: .missing, isOptional: true)
      step.problem = "a script of the initramfs runs programs that its busybox lacks: \(line)"
      step.advice =
        "add them to the template, or update its busybox with `minivm update-busybox`"
      steps.append(step)
    }
    return steps
  }
}
