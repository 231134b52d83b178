internal import Capture

/// What is wrong with the sound of an input that delivers samples, for the metrics.
enum SourceFault: String, CaseIterable {
    /// Only digital silence (``StreamCondition/isMuted``).
    case muted
    /// Only the noise of a converter, or the hum of the mains.
    case dead
    /// Two channels that cancel each other.
    case cancelling
    /// A channel without sound beside others.
    case silentChannel = "silent_channel"
    case clipping

    /// The faults of a source now.
    static func of(_ condition: StreamCondition, _ signal: SignalCondition) -> Set<SourceFault> {
        var faults: Set<SourceFault> = []
        if condition.isMuted { faults.insert(.muted) }
        switch signal.deadInput {
        case .leastBit, .hum: faults.insert(.dead)
        // Reported as muted, after the time that the settings say.
        case .silence, nil: break
        }
        switch signal.channelFault {
        case .cancelling: faults.insert(.cancelling)
        case .silent: faults.insert(.silentChannel)
        case nil: break
        }
        if signal.isClipping { faults.insert(.clipping) }
        return faults
    }
}
