private import CPulse

/// One record stream: float in fragments of 20 ms, with the channels of its source, at 16 kHz or at its own
/// rate.
///
/// Threading: runs on the main loop's thread. It passes samples to the session and does nothing else.
final class PulseStream {
    private let handle: OpaquePointer
    private unowned let session: PulseSession

    /// Requests the stream; the session receives the answer as `streamReady` or `streamFailed`.
    ///
    /// - Parameters:
    ///   - context: A `pa_context` that is ready.
    ///   - expectedChannels: The number of channels that the source probably has.
    ///   - expectedRateHz: The rate that the source probably has, and keeps; nil: the server converts to
    ///     16 kHz.
    ///   - device: Name of a source: the stream stays on it and ends with it. nil for the default source: the
    ///     stream follows the default when it changes.
    /// - Returns: nil when the request cannot be sent.
    init?(
        context: OpaquePointer, device: String?, expectedChannels: Int, expectedRateHz: Int?,
        session: PulseSession
    ) {
        // PA_STREAM_FIX_CHANNELS replaces the number of channels by the source's own.
        var format = pa_sample_spec(
            format: PulseFraming.floatNative, rate: UInt32(CaptureFormat.sampleRateHz), channels: 1)
        guard let handle = pa_stream_new(context, PulseNames.stream, &format, nil) else { return nil }
        self.handle = handle
        self.session = session
        // SAFETY: unretained; `close` removes the callbacks before this object is freed.
        let user = Unmanaged.passUnretained(self).toOpaque()
        pa_stream_set_state_callback(handle, { _, user in PulseStream.from(user)?.changed() }, user)
        pa_stream_set_read_callback(handle, { _, _, user in PulseStream.from(user)?.drain() }, user)
        pa_stream_set_suspended_callback(handle, { _, user in PulseStream.from(user)?.suspended() }, user)
        pa_stream_set_moved_callback(
            handle, { _, user in PulseStream.from(user)?.session.streamMoved() }, user)
        var attributes = pa_buffer_attr()
        attributes.maxlength = UInt32.max  // no limit
        let frames = expectedRateHz.map { $0 / 50 } ?? CaptureFormat.blockSamples
        attributes.fragsize = UInt32(frames * PulseFraming.bytesPerSample * max(1, expectedChannels))
        var flags =
            PA_STREAM_FIX_CHANNELS.rawValue | PA_STREAM_ADJUST_LATENCY.rawValue
            | PA_STREAM_AUTO_TIMING_UPDATE.rawValue
            | PA_STREAM_INTERPOLATE_TIMING.rawValue
        if expectedRateHz != nil { flags |= PA_STREAM_FIX_RATE.rawValue }
        if device != nil { flags |= PA_STREAM_DONT_MOVE.rawValue }
        if pa_stream_connect_record(handle, device, &attributes, pa_stream_flags_t(flags)) < 0 {
            close()
            return nil
        }
    }

    /// The name of the recorded source; nil until the stream is ready.
    var deviceName: String? { pa_stream_get_device_name(handle).map { String(cString: $0) } }

    /// Frames per second; known when the stream is ready.
    var rateHz: Int {
        pa_stream_get_sample_spec(handle).map { Int($0.pointee.rate) } ?? CaptureFormat.sampleRateHz
    }

    /// The number of channels; known when the stream is ready.
    var channels: Int { pa_stream_get_sample_spec(handle).map { Int($0.pointee.channels) } ?? 1 }

    /// Ends the stream. No other method may be called afterwards.
    func close() {
        pa_stream_set_state_callback(handle, nil, nil)
        pa_stream_set_read_callback(handle, nil, nil)
        pa_stream_set_suspended_callback(handle, nil, nil)
        pa_stream_set_moved_callback(handle, nil, nil)
        pa_stream_disconnect(handle)
        pa_stream_unref(handle)
    }

    private func changed() {
        switch pa_stream_get_state(handle) {
        case PA_STREAM_READY:
            session.streamReady(isSuspended: pa_stream_is_suspended(handle) > 0)
        case PA_STREAM_FAILED, PA_STREAM_TERMINATED: session.streamFailed()
        default: break
        }
    }

    /// The server has suspended the source, or resumed it.
    private func suspended() { session.stream(isSuspended: pa_stream_is_suspended(handle) > 0) }

    /// Passes all samples that have arrived to the session.
    private func drain() {
        while true {
            var data: UnsafeRawPointer?
            var bytes = 0
            guard pa_stream_peek(handle, &data, &bytes) >= 0 else { return session.streamFailed() }
            if bytes == 0 { return }
            let channels = channels
            let count = bytes / (PulseFraming.bytesPerSample * channels)
            if let data {
                // SAFETY: valid until the drop below, and libpulse keeps whole frames aligned.
                let start = data.assumingMemoryBound(to: Float.self)
                session.arrived(
                    start, frames: count, channels: channels, ageNanos: ageOfLastSampleNanos(count: count))
            } else {
                session.missed(frames: count)
            }
            pa_stream_drop(handle)
        }
    }

    /// How long ago the last of the next `count` samples was captured; 0 while the latency is unknown.
    private func ageOfLastSampleNanos(count: Int) -> Int64 {
        var microseconds: pa_usec_t = 0
        var isNegative: Int32 = 0
        guard pa_stream_get_latency(handle, &microseconds, &isNegative) >= 0, isNegative == 0 else {
            return 0
        }
        // libpulse returns the age of the first sample that was not dropped yet.
        let first = Int64(clamping: microseconds).multipliedReportingOverflow(by: 1000)
        let age = first.partialValue - Int64(count) * SystemClock.nanosPerSecond / Int64(rateHz)
        return first.overflow ? 0 : max(0, age)
    }

    private static func from(_ user: UnsafeMutableRawPointer?) -> PulseStream? {
        // SAFETY: always the stream that registered the callback; see `close`.
        user.map { Unmanaged<PulseStream>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// The requested sample format.
private enum PulseFraming {
    static let bytesPerSample = 4
    #if _endian(little)
        static let floatNative = PA_SAMPLE_FLOAT32LE
    #else
        static let floatNative = PA_SAMPLE_FLOAT32BE
    #endif
}
