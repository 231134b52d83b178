private import CPulse

/// One attempt to reach a server: connects, then asks for its sources.
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
    ///   - onSources: Called once when the server has answered.
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

    /// libpulse's wording for the last thing that failed.
    var failure: String { PulseNames.error(pa_context_errno(context)) }

    /// Disconnects; the last call to it.
    func close() {
        pa_context_set_state_callback(context, nil, nil)
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
