/// Counts samples at full scale, where a converter cuts off what is louder.
package struct ClippingCounter {
    /// Samples at full scale so far.
    package private(set) var samples: Int64 = 0
    /// Whether the source clips: it had at least ``reportedSamples`` in a second, less than a minute ago.
    package private(set) var isClipping = false
    private var samplesInSecond = 0
    private var second = 0.0
    private var secondsSinceClipping = 0.0

    /// The largest 16-bit sample. The most negative one, and converters of more bits, are beyond it.
    package static let fullScale: Float = 32_767 / 32_768
    /// Single samples at full scale are inaudible.
    package static let reportedSamples = 8
    private static let memorySeconds = 60.0

    package init() {}

    /// - Parameters:
    ///   - clipped: Samples at full scale in the next piece of sound.
    ///   - seconds: The length of that piece.
    /// - Returns: Whether ``isClipping`` changed.
    package mutating func update(clipped: Int, seconds: Double) -> Bool {
        samples += Int64(clipped)
        samplesInSecond += clipped
        second += seconds
        let wasClipping = isClipping
        if samplesInSecond >= Self.reportedSamples {
            isClipping = true
            secondsSinceClipping = 0
        } else {
            secondsSinceClipping += seconds
            if secondsSinceClipping >= Self.memorySeconds { isClipping = false }
        }
        if second >= 1 { (second, samplesInSecond) = (0, 0) }
        return isClipping != wasClipping
    }
}
