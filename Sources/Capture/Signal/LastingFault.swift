/// Whether a fault lasts, so that it is worth a report: decides with hysteresis.
///
/// Time with the fault adds up; time without it counts tenfold against it. A fault that is present for more
/// than ten elevenths of the time is therefore reported after about `limitSeconds`, and a single click does
/// not end it; it ends after a twentieth of `limitSeconds` without the fault.
package struct LastingFault: Equatable, Sendable {
    package private(set) var isLasting = false
    private let limitSeconds: Double
    private var seconds = 0.0

    package init(limitSeconds: Double) { self.limitSeconds = limitSeconds }

    /// - Parameters:
    ///   - isPresent: Whether the fault was present in the last piece of sound.
    ///   - seconds: The length of that piece.
    /// - Returns: Whether ``isLasting`` changed.
    package mutating func update(isPresent: Bool, seconds duration: Double) -> Bool {
        seconds = min(limitSeconds, max(0, seconds + (isPresent ? duration : -10 * duration)))
        let wasLasting = isLasting
        // Sums of binary fractions may be just below the limit.
        if seconds >= limitSeconds - 1e-6 { isLasting = true }
        if seconds <= limitSeconds / 2 { isLasting = false }
        return isLasting != wasLasting
    }
}
