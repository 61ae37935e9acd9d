/// Returns a number with a noun in the right form, such as `1 module` and `2 modules`.
/// - Parameters:
///   - noun: in the singular.
///   - plural: where it is not the singular with an `s`.
package func counted(_ number: Int, _ noun: String, _ plural: String? = nil) -> String {
  "\(number) \(number == 1 ? noun : plural ?? noun + "s")"
}
