private import Glibc

/// The symmetric Hann window: 0 at both ends.
enum HannWindow {
    /// - Returns: `[samples]`, unitless.
    static func values(samples: Int) -> [Double] {
        (0..<samples).map { 0.5 - 0.5 * cos(2 * .pi * Double($0) / Double(samples - 1)) }
    }
}
