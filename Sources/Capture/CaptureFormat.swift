/// The format of all audio that this library delivers: mono 32-bit floats at 16 kHz, full scale at ±1.
public enum CaptureFormat {
    /// Samples per second.
    public static let sampleRateHz = 16_000

    /// Nanoseconds from one sample to the next, exactly.
    public static let nanosPerSample = SystemClock.nanosPerSecond / Int64(sampleRateHz)

    /// Samples in a block of a live source: 20 ms.
    package static let blockSamples = 320

    /// The largest usable magnitude of a sample.
    ///
    /// The power spectrum of a louder frame of 512 samples would overflow a `Float`, so such a value is
    /// treated like an infinity.
    package static let largestMagnitude: Float = 1e15

    /// Whether a value is a finite number of at most ``largestMagnitude``.
    @inline(__always)
    package static func isUsable(_ value: Float) -> Bool {
        value.magnitude <= largestMagnitude  // false for NaN
    }
}
