/// The one form in which audio leaves this library: mono 32-bit floats at 16 kHz, full scale at ±1.
public enum CaptureFormat {
    /// Samples per second of everything a source or a reader delivers.
    public static let sampleRateHz = 16_000

    /// Nanoseconds from one sample to the next, exactly.
    public static let nanosPerSample: Int64 = 62_500

    /// Samples a source hands over at a time: 20 ms.
    package static let blockSamples = 320

    /// The largest magnitude that passes for a sample.
    ///
    /// The power spectrum of a louder frame of 512 samples no longer fits a `Float`, so such a value is
    /// as useless as an infinity and is treated like one.
    package static let largestMagnitude: Float = 1e15

    /// Whether a value can be a sample: a number, finite, and no larger than ``largestMagnitude``.
    @inline(__always)
    package static func isUsable(_ value: Float) -> Bool {
        value.magnitude <= largestMagnitude  // false for NaN
    }
}
