private import CPulse

/// Asks a connected server for its sources and its default.
///
/// Lives on the thread of the context's main loop, and for as long as the context.
final class PulseInventory {
    /// What is known so far; the state of asking is in `isComplete`.
    private(set) var sources: [PulseSourceInfo] = []
    private(set) var isComplete = false
    private var defaultName: String?
    private let onComplete: (PulseInventory) -> Void

    /// - Parameter onComplete: Called once, on the main loop's thread.
    init(onComplete: @escaping (PulseInventory) -> Void) { self.onComplete = onComplete }

    /// Sends the questions.
    ///
    /// - Parameter context: A `pa_context` that is ready.
    func ask(_ context: OpaquePointer) {
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
        // The answers come in the order of the questions.
        let list = pa_context_get_source_info_list(
            context,
            { _, info, end, user in
                guard let user else { return }
                let inventory = Unmanaged<PulseInventory>.fromOpaque(user).takeUnretainedValue()
                if end == 0, let info {
                    inventory.sources.append(inventory.source(info.pointee))
                } else {
                    inventory.isComplete = true
                    inventory.onComplete(inventory)
                }
            }, user)
        if let list { pa_operation_unref(list) }
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
