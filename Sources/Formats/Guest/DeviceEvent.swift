/// What the kernel says of a device: a message of its netlink socket, or a device's `uevent` file.
/// Linux, Documentation/core-api/kobject.rst, "Uevents"; Documentation/ABI/testing/sysfs-uevent.
package struct DeviceEvent: Sendable {
  private let fields: [[UInt8]]

  /// - Parameters:
  ///   - bytes: `NAME=VALUE` one after the other; a message begins with `ACTION@PATH`.
  ///   - separator: zero in a message, a newline in a file.
  package init(_ bytes: [UInt8], separator: UInt8) {
    var fields: [[UInt8]] = []
    var field: [UInt8] = []
    for byte in bytes {
      if byte != separator {
        field.append(byte)
      } else {
        fields.append(field)
        field = []
      }
    }
    if !field.isEmpty { fields.append(field) }
    self.fields = fields
  }

  /// The value of a field, or nil.
  package func value(of name: StaticString) -> [UInt8]? {
    let length = name.utf8CodeUnitCount
    for field in fields
    where field.count > length && field[length] == UInt8(ascii: "=") && field.startsWithText(name) {
      return Array(field[(length + 1)...])
    }
    return nil
  }
}
