/// Detects an input without a microphone's sound: digital silence, the noise of a converter without an input
/// (±1 of 16 bits), or the hum of the mains and nothing else.
///
/// Even in a quiet room a microphone delivers noise of its own. Blocks of half a second are judged one by
/// one; ``reason`` follows them slowly (``LastingFault``).
package struct DeadInputDetector {
    package enum Reason: Int, Sendable, CaseIterable {
        case silence, leastBit, hum
    }

    /// Why the input is dead; nil while it delivers sound. It does not change while the input is dead,
    /// although the least bit may rest for half a second.
    package private(set) var reason: Reason?
    private var lasting: LastingFault
    /// The loudest that was found since the last sound.
    private var candidate: Reason?

    /// Samples before the current one, to compare with those a whole number of the mains' periods ago.
    private var history = [Float](repeating: 0, count: Self.historySamples)
    private var slot = 0
    private var block = Block()

    /// Sums over half a second.
    private struct Block {
        var count = 0
        var sum = 0.0
        var squares = 0.0
        var peak: Float = 0
        /// Squares of the differences: to the sample before, and to those one period of 50 Hz and three
        /// periods of 60 Hz ago.
        var slope = 0.0
        var period50 = 0.0
        var period60 = 0.0
    }

    private static let blockSamples = CaptureFormat.sampleRateHz / 2
    private static let delay50 = CaptureFormat.sampleRateHz / 50
    private static let delay60 = 3 * CaptureFormat.sampleRateHz / 60
    private static let historySamples = delay60
    /// ±1 of 16 bits; a server's resampler overshoots.
    private static let leastBit: Float = 1.5 / 32_768
    /// 20 dB: what is left of hum after the sound of a period ago was subtracted.
    private static let residue = 0.01
    /// Hum is mostly below 800 Hz; a sustained tone of a multiple of 50 Hz above that is not hum.
    private static let humSlope = 0.1

    /// - Parameter limitSeconds: How long an input is dead before it is reported.
    package init(limitSeconds: Double = 60) { lasting = LastingFault(limitSeconds: limitSeconds) }

    /// - Parameter samples: The stream's next samples, at 16 kHz.
    /// - Returns: Whether ``reason`` changed.
    package mutating func process(_ samples: UnsafeBufferPointer<Float>) -> Bool {
        let before = reason
        for sample in samples {
            let value = CaptureFormat.isUsable(sample) ? sample : 0
            add(value)
            if block.count == Self.blockSamples { judge() }
        }
        return reason != before
    }

    private mutating func add(_ value: Float) {
        func past(_ delay: Int) -> Double {
            let index = slot - delay
            return Double(value - history[index < 0 ? index + Self.historySamples : index])
        }
        block.count += 1
        block.sum += Double(value)
        block.squares += Double(value) * Double(value)
        block.peak = max(block.peak, value.magnitude)
        let (slope, period50, period60) = (past(1), past(Self.delay50), past(Self.delay60))
        block.slope += slope * slope
        block.period50 += period50 * period50
        block.period60 += period60 * period60
        history[slot] = value
        slot = slot + 1 == Self.historySamples ? 0 : slot + 1
    }

    private mutating func judge() {
        let found = Self.reason(of: block)
        block = Block()
        candidate = found.flatMap { found in
            candidate.flatMap { $0.rawValue > found.rawValue ? $0 : nil } ?? found
        }
        guard lasting.update(isPresent: found != nil, seconds: 0.5) else { return }
        reason = lasting.isLasting ? candidate : nil
    }

    private static func reason(of block: Block) -> Reason? {
        if block.peak == 0 { return .silence }
        if block.peak <= leastBit { return .leastBit }
        let energy = block.squares - block.sum * block.sum / Double(block.count)
        let residue = min(block.period50, block.period60)
        return residue < 2 * Self.residue * energy && block.slope < humSlope * energy ? .hum : nil
    }
}
