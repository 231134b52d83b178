private import CPulse

/// One attempt to reach a server: connects, then asks for its sources, and again when there are others.
///
/// Used, and calling back, with the main loop's lock held.
final class PulseConnection {
    /// The `pa_context`.
    let context: OpaquePointer
    private let onSources: ([PulseSourceInfo]) -> Void
    private let onFailure: () -> Void
    private lazy var inventory = PulseInventory { [unowned self] in onSources($0.sources) }

    /// - Parameters:
    ///   - loop: A `pa_threaded_mainloop`.
    ///   - onSources: Called when the server has answered; after ``watch()`` each time that something changed.
    ///   - onFailure: Called when the server cannot be reached, or is gone; perhaps more than once, and
    ///     perhaps from within ``connect(to:)``. It must not close this connection, which is still at work.
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

    /// Begins to connect.
    ///
    /// - Parameter server: The server's address; nil for `PULSE_SERVER` or the user's own.
    func connect(to server: String?) {
        // SAFETY: unretained; `close` takes the callback away before this object goes.
        let user = Unmanaged.passUnretained(self).toOpaque()
        pa_context_set_state_callback(
            context,
            { _, user in
                guard let user else { return }
                Unmanaged<PulseConnection>.fromOpaque(user).takeUnretainedValue().changed()
            }, user)
        if pa_context_connect(context, server, PA_CONTEXT_NOAUTOSPAWN, nil) < 0 { onFailure() }
    }

    /// Asks again now, and whenever sources come, go or change.
    func watch() {
        // SAFETY: unretained; `close` takes the callback away before this object goes.
        let user = Unmanaged.passUnretained(self).toOpaque()
        pa_context_set_subscribe_callback(
            context,
            { context, _, _, user in
                guard let context, let user else { return }
                Unmanaged<PulseConnection>.fromOpaque(user).takeUnretainedValue().inventory.ask(context)
            }, user)
        let mask = PA_SUBSCRIPTION_MASK_SOURCE.rawValue | PA_SUBSCRIPTION_MASK_SERVER.rawValue
        let operation = pa_context_subscribe(context, pa_subscription_mask_t(mask), nil, nil)
        if let operation { pa_operation_unref(operation) }
        // What came before the subscription is in these answers.
        inventory.ask(context)
    }

    /// Does not ask any more.
    func unwatch() {
        pa_context_set_subscribe_callback(context, nil, nil)
        let operation = pa_context_subscribe(context, PA_SUBSCRIPTION_MASK_NULL, nil, nil)
        if let operation { pa_operation_unref(operation) }
    }

    /// libpulse's wording for the last thing that failed.
    var failure: String { PulseNames.error(pa_context_errno(context)) }

    /// Disconnects; the last call to it.
    func close() {
        pa_context_set_state_callback(context, nil, nil)
        pa_context_set_subscribe_callback(context, nil, nil)
        pa_context_disconnect(context)
        pa_context_unref(context)
    }

    private func changed() {
        switch pa_context_get_state(context) {
        case PA_CONTEXT_READY: inventory.ask(context)
        case PA_CONTEXT_FAILED, PA_CONTEXT_TERMINATED: onFailure()
        default: break
        }
    }
}
