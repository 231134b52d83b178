private import CSoxr

/// Resamples mono samples of any rate to 16 kHz, at soxr's 20-bit quality.
///
/// The filter's delay is compensated: sample 0 of the output belongs to sample 0 of the input, and `n` input
/// samples make `round(n * 16000 / rate)` output samples. Threading: one thread at a time.
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
        // SAFETY: created in init, deleted nowhere else.
        soxr_delete(handle)
    }

    /// Resamples as much as the input and the room in the output allow.
    ///
    /// - Parameter input: The next samples; nil after the last, to flush the filter.
    /// - Returns: Numbers of samples consumed and produced.
    package func process(
        _ input: UnsafeBufferPointer<Float>?, into output: UnsafeMutableBufferPointer<Float>
    ) -> (consumed: Int, produced: Int) {
        var consumed = 0
        var produced = 0
        let failure = soxr_process(
            handle, input?.baseAddress, input?.count ?? 0, &consumed, output.baseAddress, output.count,
            &produced)
        precondition(failure == nil, "soxr fails only for invalid arguments")
        return (consumed, produced)
    }
}
