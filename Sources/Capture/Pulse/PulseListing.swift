private import CPulse

/// Time limit for a PulseAudio server's answer.
let pulseAnswerLimitNanos: Int64 = 2_000_000_000

/// The sources of a PulseAudio server, in the server's order.
///
/// Blocks the calling thread for at most two seconds.
///
/// - Parameter server: The server's address; nil for `PULSE_SERVER` or the user's own.
/// - Throws: ``CaptureError`` `noServer` without a server, `serverHangs` when it does not answer,
///   `serverRefused` when it does not admit this user.
public func listPulseSources(server: String?) throws(CaptureError) -> [PulseSourceInfo] {
    let address = PulseAddress(server)
    guard let loop = pa_mainloop_new() else {
        throw .noServer(server: address, reason: "out of file descriptors or memory")
    }
    defer { pa_mainloop_free(loop) }
    guard let context = pa_context_new(pa_mainloop_get_api(loop), PulseNames.application) else {
        throw .noServer(server: address, reason: "out of memory")
    }
    defer {
        pa_context_disconnect(context)
        pa_context_unref(context)
    }
    guard pa_context_connect(context, server, PA_CONTEXT_NOAUTOSPAWN, nil) >= 0 else {
        throw PulseNames.connectionError(context, server: server)
    }
    let inventory = PulseInventory { _ in }
    var hasRequested = false
    let deadline = SystemClock.monotonicNanos + pulseAnswerLimitNanos
    return try withExtendedLifetime(inventory) { () throws(CaptureError) in
        while !inventory.isComplete {
            switch pa_context_get_state(context) {
            case PA_CONTEXT_READY where !hasRequested:
                hasRequested = true
                inventory.request(context)
            case PA_CONTEXT_FAILED, PA_CONTEXT_TERMINATED:
                throw PulseNames.connectionError(context, server: server)
            default: break
            }
            let left = deadline - SystemClock.monotonicNanos
            guard left > 0 else { throw PulseNames.hangs(context, server: server) }
            guard pa_mainloop_prepare(loop, Int32(left / 1000) + 1) >= 0, pa_mainloop_poll(loop) >= 0,
                pa_mainloop_dispatch(loop) >= 0
            else { throw .noServer(server: address, reason: "the main loop failed") }
        }
        return inventory.sources
    }
}

/// Names and messages of the PulseAudio client.
enum PulseNames {
    static let application = "astd"
    static let stream = "sound classification"

    /// libpulse's wording for its error number.
    static func error(_ number: Int32) -> String {
        pa_strerror(number).map { String(cString: $0) } ?? "error \(number)"
    }

    /// The server that a context has tried last.
    ///
    /// - Parameter server: The address that the caller named; nil for the default.
    private static func address(_ context: OpaquePointer, server: String?) -> PulseAddress {
        PulseAddress(server, lastTried: pa_context_get_server(context).map { String(cString: $0) })
    }

    /// The server of a context does not answer.
    static func hangs(_ context: OpaquePointer, server: String?) -> CaptureError {
        .serverHangs(server: address(context, server: server))
    }

    /// Why a context could not connect, or was disconnected.
    static func connectionError(_ context: OpaquePointer, server: String?) -> CaptureError {
        let address = address(context, server: server)
        let number = pa_context_errno(context)
        if number == Int32(PA_ERR_ACCESS.rawValue) || number == Int32(PA_ERR_AUTHKEY.rawValue) {
            return .serverRefused(server: address, reason: error(number))
        }
        switch address.findObstacle() {
        case .forbidden: return .serverRefused(server: address, reason: "Permission denied")
        case .fullBacklog: return .serverHangs(server: address)
        case nil: return .noServer(server: address, reason: error(number))
        }
    }
}
