private import CSoxr

/// Turns mono samples of any rate into 16 kHz ones, at the quality soxr calls high.
///
/// The filter's delay is taken out: sample 0 of the output belongs to sample 0 of the input, and `n` input
/// samples make `round(n * 16000 / rate)` output samples. One thread at a time.
package final class Resampler {
    private let handle: OpaquePointer

    /// - Parameter sampleRateHz: Rate of the input.
    /// - Throws: `system` when soxr cannot be set up.
    package init(from sampleRateHz: Int, name: String) throws(CaptureError) {
        var failure: soxr_error_t?
        var format = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I)
        var quality = soxr_quality_spec(UInt(SOXR_20_BITQ), 0)
        var runtime = soxr_runtime_spec(1)
        guard
            let handle = soxr_create(
                Double(sampleRateHz), Double(CaptureFormat.sampleRateHz), 1, &failure, &format, &quality,
                &runtime)
        else {
            let reason = failure.map { String(cString: $0) } ?? "out of memory"
            throw .system(name: name, operation: "set up the resampler", reason: reason)
        }
        self.handle = handle
    }

    deinit {
        // SAFETY: made in init, deleted nowhere else.
        soxr_delete(handle)
    }

    /// Resamples as much as there is input or room for.
    ///
    /// - Parameter input: The next samples; nil when there are no more and what is left is to come out.
    /// - Returns: Samples taken from the input and written to the output.
    package func process(
        _ input: UnsafeBufferPointer<Float>?, into output: UnsafeMutableBufferPointer<Float>
    ) -> (consumed: Int, produced: Int) {
        var consumed = 0
        var produced = 0
        let failure = soxr_process(
            handle, input?.baseAddress, input?.count ?? 0, &consumed, output.baseAddress, output.count,
            &produced)
        precondition(failure == nil, "soxr refuses only wrong arguments")
        return (consumed, produced)
    }
}
