import ArgumentParser

/// Whether modules keep what only debuggers read.
struct DebugOptions: ParsableArguments {
  @Flag(
    help:
      "Strip debug sections from modules; signed ones, and compressed ones on the disk, keep them.")
  var stripDebug = false
}
