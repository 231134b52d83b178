internal import TextSupport
internal import Wire

/// What is known of the daemons, for `/api/status` and new clients of `/api/live`.
///
/// A value without I/O.
struct PageState {
    /// Labels of a prediction that are passed on.
    static let labels = 10

    private(set) var daemons: [DaemonView]

    init(_ names: [String]) { daemons = names.map { DaemonView(name: $0) } }

    subscript(_ name: String) -> DaemonView? { daemons.first { $0.name == name } }

    /// - Returns: What the clients of `/api/live` receive.
    mutating func update(_ update: DaemonUpdate, of name: String) -> [LiveMessage] {
        guard let index = daemons.firstIndex(where: { $0.name == name }) else { return [] }
        let before = daemons[index].shown
        var messages = daemons[index].update(update)
        if daemons[index].shown != before { messages.append(daemons[index].message) }
        return messages
    }

    /// What a new client receives first: the daemons, and the newest prediction of each source.
    var opening: [LiveMessage] { daemons.flatMap { [$0.message] + $0.predictions } }

    /// Why the gateway does not receive everything; nil: it does.
    var problem: String? {
        let away = daemons.filter { !$0.isConnected }
        if away.isEmpty { return nil }
        return away.map { "\($0.name): \($0.reason ?? "not connected yet")" }.joined(separator: "; ")
    }
}
