private import CPulse

/// Requests a connected server's sources and its default.
///
/// Threading: used on the thread of the context's main loop; must live as long as the context.
final class PulseInventory {
    /// The sources of the last answer; incomplete until `isComplete`.
    private(set) var sources: [PulseSourceInfo] = []
    private(set) var isComplete = false
    private var defaultName: String?
    /// Whether an answer is pending, and whether it is already outdated.
    private var (isPending, isStale) = (false, false)
    private let onComplete: (PulseInventory) -> Void

    /// - Parameter onComplete: Called on the main loop's thread, once for each complete answer.
    init(onComplete: @escaping (PulseInventory) -> Void) { self.onComplete = onComplete }

    /// Sends the requests; while an answer is pending, sends them after it.
    ///
    /// - Parameter context: A `pa_context` that is ready.
    func request(_ context: OpaquePointer) {
        if isPending {
            isStale = true
            return
        }
        (isPending, isStale, isComplete) = (true, false, false)
        (sources, defaultName) = ([], nil)
        // SAFETY: unretained; the owner keeps this object for as long as the context, which cancels its
        // operations when it goes.
        let user = Unmanaged.passUnretained(self).toOpaque()
        let server = pa_context_get_server_info(
            context,
            { _, info, user in
                guard let user else { return }
                let inventory = Unmanaged<PulseInventory>.fromOpaque(user).takeUnretainedValue()
                inventory.defaultName = info?.pointee.default_source_name.map { String(cString: $0) }
            }, user)
        if let server { pa_operation_unref(server) }
        // The server answers in the order of the requests.
        let list = pa_context_get_source_info_list(
            context,
            { context, info, end, user in
                guard let context, let user else { return }
                let inventory = Unmanaged<PulseInventory>.fromOpaque(user).takeUnretainedValue()
                if end == 0, let info {
                    inventory.sources.append(inventory.source(info.pointee))
                } else {
                    inventory.answered(context)
                }
            }, user)
        if let list { pa_operation_unref(list) }
    }

    private func answered(_ context: OpaquePointer) {
        isPending = false
        if isStale { return request(context) }
        isComplete = true
        onComplete(self)
    }

    private func source(_ info: pa_source_info) -> PulseSourceInfo {
        let name = info.name.map { String(cString: $0) } ?? ""
        let state: PulseSourceInfo.State =
            switch info.state {
            case PA_SOURCE_RUNNING: .running
            case PA_SOURCE_IDLE: .idle
            case PA_SOURCE_SUSPENDED: .suspended
            default: .unknown
            }
        return PulseSourceInfo(
            name: name, description: info.description.map { String(cString: $0) } ?? name,
            isMonitor: info.monitor_of_sink != UInt32.max,  // PA_INVALID_INDEX
            isDefault: name == defaultName, state: state, rate: Int(info.sample_spec.rate),
            channels: Int(info.sample_spec.channels))
    }
}
