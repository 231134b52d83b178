import Synchronization

/// What is wrong with the sound that a live source delivers.
public struct SignalCondition: Equatable, Sendable {
    /// Samples at full scale, less than a minute ago.
    public var isClipping = false
    /// Why the input is dead, apart from digital silence, which the daemon detects by itself.
    package var deadInput: DeadInputDetector.Reason?
    package var channelFault: ChannelComparison.Fault?
    /// How many channels there are beyond those that have a stream of their own.
    package var unusedChannels = 0

    public init() {}

    /// For people; nil when nothing is wrong.
    public var message: String? {
        let parts = [
            unusedChannels > 0 ? Self.unused(unusedChannels) : nil,
            channelFault.map(\.message), deadInput.flatMap(\.message),
            isClipping ? "the input clips (samples at full scale): lower its gain" : nil,
        ].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    private static func unused(_ count: Int) -> String {
        "\(count == 1 ? "1 channel more" : "\(count) channels more") than `channel: each` expects "
            + "\(count == 1 ? "is" : "are") not classified: write channel: each:N with their number"
    }
}

extension ChannelComparison.Fault {
    fileprivate var message: String {
        switch self {
        case .cancelling(let first, let second):
            "channels \(first) and \(second) cancel each other (one is inverted): classify one of them, with "
                + "channel: \(first) or channel: loudest"
        case .silent(let channel):
            "channel \(channel) is silent beside the others, which makes the mix quieter: classify another "
                + "one, or use channel: loudest"
        }
    }
}

extension DeadInputDetector.Reason {
    fileprivate var message: String? {
        switch self {
        case .silence: nil
        case .leastBit:
            "the input delivers only the noise of its converter (±1 of 16 bits): is a microphone connected?"
        case .hum:
            "the input delivers only the hum of the mains: is a microphone connected, and its cable shielded?"
        }
    }
}

/// Counts of a live source's signal. From any thread.
public final class SignalCounters: Sendable {
    private let clipped = Atomic<Int64>(0)

    public init() {}

    /// Samples at full scale so far.
    public var clippedSamples: Int64 { clipped.load(ordering: .relaxed) }

    func set(clippedSamples: Int64) { clipped.store(clippedSamples, ordering: .relaxed) }
}
