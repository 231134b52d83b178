private import Glibc

/// How loud it has been since the last reading.
struct LevelMeter {
    private var sumOfSquares = 0.0
    private var count = 0

    mutating func add(_ samples: UnsafeBufferPointer<Float>) {
        var sum = 0.0
        for sample in samples { sum += Double(sample * sample) }
        sumOfSquares += sum
        count += samples.count
    }

    /// Root mean square in dB relative to a full-scale square wave; `nil` for digital silence or nothing at all.
    mutating func takeDBFS() -> Double? {
        defer { self = LevelMeter() }
        guard count > 0, sumOfSquares > 0 else { return nil }
        return 10 * log10(sumOfSquares / Double(count))
    }
}
