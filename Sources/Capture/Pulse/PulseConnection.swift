private import CPulse

/// One connection to a server: connects, requests the list of sources, and requests it again when it changes.
///
/// Threading: methods and callbacks run with the main loop's lock held.
final class PulseConnection {
    /// The `pa_context`.
    let context: OpaquePointer
    private let onSources: ([PulseSourceInfo]) -> Void
    private let onFailure: () -> Void
    /// Whether the server has not answered the last ``ping()``.
    private(set) var isPingPending = false
    private lazy var inventory = PulseInventory { [unowned self] in onSources($0.sources) }

    /// - Parameters:
    ///   - loop: A `pa_threaded_mainloop`.
    ///   - onSources: Called with the server's answer; after ``watch()`` with each change.
    ///   - onFailure: Called when the server cannot be reached or has disconnected; possibly more than once,
    ///     and possibly by ``connect(to:)``. It must not close this connection, which is still in use.
    init?(
        loop: OpaquePointer, onSources: @escaping ([PulseSourceInfo]) -> Void, onFailure: @escaping () -> Void
    ) {
        guard let api = pa_threaded_mainloop_get_api(loop),
            let context = pa_context_new(api, PulseNames.application)
        else { return nil }
        self.context = context
        self.onSources = onSources
        self.onFailure = onFailure
    }

    /// Starts to connect.
    ///
    /// - Parameter server: The server's address; nil for `PULSE_SERVER` or the user's own.
    func connect(to server: String?) {
        // SAFETY: unretained; `close` removes the callback before this object is freed.
        let user = Unmanaged.passUnretained(self).toOpaque()
        pa_context_set_state_callback(
            context,
            { _, user in
                guard let user else { return }
                Unmanaged<PulseConnection>.fromOpaque(user).takeUnretainedValue().changed()
            }, user)
        if pa_context_connect(context, server, PA_CONTEXT_NOAUTOSPAWN, nil) < 0 { onFailure() }
    }

    /// Requests the sources now and after each change.
    func watch() {
        // SAFETY: unretained; `close` removes the callback before this object is freed.
        let user = Unmanaged.passUnretained(self).toOpaque()
        pa_context_set_subscribe_callback(
            context,
            { context, _, _, user in
                guard let context, let user else { return }
                Unmanaged<PulseConnection>.fromOpaque(user).takeUnretainedValue().inventory.request(context)
            }, user)
        let mask = PA_SUBSCRIPTION_MASK_SOURCE.rawValue | PA_SUBSCRIPTION_MASK_SERVER.rawValue
        let operation = pa_context_subscribe(context, pa_subscription_mask_t(mask), nil, nil)
        if let operation { pa_operation_unref(operation) }
        // This answer contains the changes before the subscription.
        inventory.request(context)
    }

    /// Stops requesting the sources.
    func unwatch() {
        pa_context_set_subscribe_callback(context, nil, nil)
        let operation = pa_context_subscribe(context, PA_SUBSCRIPTION_MASK_NULL, nil, nil)
        if let operation { pa_operation_unref(operation) }
    }

    /// Asks the server for a sign of life, unless it still owes one.
    func ping() {
        guard !isPingPending else { return }
        // SAFETY: unretained; `close` disconnects, which cancels the request, before this object is freed.
        let user = Unmanaged.passUnretained(self).toOpaque()
        let operation = pa_context_get_server_info(
            context,
            { _, _, user in
                guard let user else { return }
                Unmanaged<PulseConnection>.fromOpaque(user).takeUnretainedValue().isPingPending = false
            }, user)
        guard let operation else { return }
        isPingPending = true
        pa_operation_unref(operation)
    }

    /// libpulse's wording for its last error.
    var failure: String { PulseNames.error(pa_context_errno(context)) }

    /// Why the connection failed.
    ///
    /// - Parameter server: The address as passed to ``connect(to:)``.
    func error(server: String?) -> CaptureError { PulseNames.connectionError(context, server: server) }

    /// That the server does not answer.
    ///
    /// - Parameter server: The address as passed to ``connect(to:)``.
    func hangs(server: String?) -> CaptureError { PulseNames.hangs(context, server: server) }

    /// Disconnects. No other method may be called afterwards.
    func close() {
        pa_context_set_state_callback(context, nil, nil)
        pa_context_set_subscribe_callback(context, nil, nil)
        pa_context_disconnect(context)
        pa_context_unref(context)
    }

    private func changed() {
        switch pa_context_get_state(context) {
        case PA_CONTEXT_READY: inventory.request(context)
        case PA_CONTEXT_FAILED, PA_CONTEXT_TERMINATED: onFailure()
        default: break
        }
    }
}
