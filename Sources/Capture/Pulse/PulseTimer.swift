private import CPulse

/// A restartable one-shot timer of a main loop.
///
/// Threading: methods and the callback run with the main loop's lock held.
final class PulseTimer {
    private let api: UnsafeMutablePointer<pa_mainloop_api>
    private var event: OpaquePointer?
    private let onTime: () -> Void

    /// - Parameters:
    ///   - loop: A `pa_threaded_mainloop`.
    ///   - onTime: Called on the loop's thread.
    init?(loop: OpaquePointer, onTime: @escaping () -> Void) {
        guard let api = pa_threaded_mainloop_get_api(loop) else { return nil }
        self.api = api
        self.onTime = onTime
    }

    /// Starts or restarts the timer; it fires once.
    func fire(inNanos nanos: Int64) {
        var moment = timeval()
        pa_timeval_add(pa_gettimeofday(&moment), pa_usec_t(max(0, nanos) / 1000))
        if let event {
            api.pointee.time_restart?(event, &moment)
            return
        }
        // SAFETY: unretained; `cancel` frees the event before this object is freed.
        let user = Unmanaged.passUnretained(self).toOpaque()
        event = api.pointee.time_new?(
            api, &moment,
            { _, _, _, user in
                guard let user else { return }
                Unmanaged<PulseTimer>.fromOpaque(user).takeUnretainedValue().onTime()
            }, user)
    }

    /// Frees the timer. No other method may be called afterwards.
    func cancel() {
        if let event { api.pointee.time_free?(event) }
        event = nil
    }
}
