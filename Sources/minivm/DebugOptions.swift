import ArgumentParser

/// Whether modules keep what only debuggers read.
struct DebugOptions: ParsableArguments {
  @Flag(
    help: "Leave debug sections out of modules; signed and compressed ones on the disk keep them.")
  var stripDebug = false
}
