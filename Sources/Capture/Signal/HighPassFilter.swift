private import Glibc

/// A second-order Butterworth high-pass filter: 3 dB less at the cut-off frequency, 12 dB less per octave
/// below it.
///
/// The bilinear transform of the analogue filter with a prewarped cut-off, as scipy.signal.butter; computed
/// in double precision in transposed direct form II.
package struct HighPassFilter {
    private let b: (Double, Double, Double)
    private let a: (Double, Double)
    private var state = (0.0, 0.0)

    /// - Parameter cutoffHz: Above 0 and below half of `sampleRateHz`.
    package init(cutoffHz: Double, sampleRateHz: Int = CaptureFormat.sampleRateHz) {
        precondition(cutoffHz > 0 && cutoffHz < Double(sampleRateHz) / 2, "the cut-off is below Nyquist's")
        let warped = tan(Double.pi * cutoffHz / Double(sampleRateHz))
        let scale = 1 / (1 + 2.0.squareRoot() * warped + warped * warped)
        b = (scale, -2 * scale, scale)
        a = (2 * (warped * warped - 1) * scale, (1 - 2.0.squareRoot() * warped + warped * warped) * scale)
    }

    /// Filters in place.
    ///
    /// A value that is not usable (``CaptureFormat/isUsable(_:)``) stays as it is and counts as silence.
    package mutating func process(_ samples: UnsafeMutableBufferPointer<Float>) {
        var (first, second) = state
        for index in samples.indices {
            let isUsable = CaptureFormat.isUsable(samples[index])
            let value = isUsable ? Double(samples[index]) : 0
            let filtered = b.0 * value + first
            first = b.1 * value - a.0 * filtered + second
            second = b.2 * value - a.1 * filtered
            if isUsable { samples[index] = Float(filtered) }
        }
        // The response to digital silence decays without end; denormal numbers are slow.
        let isSilent = first.magnitude < 1e-100 && second.magnitude < 1e-100
        state = isSilent ? (0.0, 0.0) : (first, second)
    }
}
