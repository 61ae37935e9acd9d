internal import CGuest
internal import Formats

/// The files of the repository that `minivm` carries and uses where its user has none of that kind.
package enum DefaultFiles {
  /// ramdisk-template/init
  package static let initScript = unsafe text(minivm_init_script)

  /// modules.autoload
  package static let modulesAutoload = unsafe text(minivm_modules_autoload)

  /// The folder profiles: name and text, by name.
  package static let profiles: [(name: String, text: String)] = {
    var count = 0
    let first = unsafe minivm_profiles(&count)
    return unsafe UnsafeBufferPointer(start: first, count: count).map { file in
      unsafe (name: String(cString: file.name), text: text(file))
    }
  }()

  private static func text(_ file: minivm_file) -> String {
    unsafe String(
      decoding: UnsafeBufferPointer(start: file.bytes, count: file.count), as: UTF8.self)
  }
}
