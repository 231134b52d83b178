private import Wire

/// Whether a daemon that sends nothing still answers. With a long hop, or a paused source, it is as silent as
/// one that hangs; so after some seconds without a line it is asked for its `hello`.
public struct AnswerCheck {
    public init() {}

    private static let silence = Duration.seconds(3)
    private static let limit = Duration.seconds(2)

    private var lastLine = ContinuousClock.now
    private var asked: ContinuousClock.Instant?
    /// Why nothing arrives: the daemon owes an answer. Nil when it answers.
    public private(set) var problem: String?

    public mutating func recordLine() { self = AnswerCheck() }

    /// Call when nothing has arrived.
    public mutating func tick(_ client: ControlClient) {
        let now = ContinuousClock.now
        guard now >= lastLine + Self.silence else { return }
        guard let asked else {
            client.ask(.hello)
            self.asked = now
            return
        }
        guard now >= asked + Self.limit else { return }
        problem = "the daemon does not answer: \(PeerProcess.problem(client.peer))"
    }
}
