internal import DaemonClient
internal import NIOHTTP1
internal import TextSupport
internal import Wire

/// A command of the page to a daemon.
struct PageCommand: Equatable, Sendable {
    enum Method: String, Sendable { case pause, resume, adapter }

    var method: Method
    /// nil: all sources.
    var source: String?
    /// For ``Method/adapter``.
    var adapter: String?

    /// - Throws: `JSONError`
    init(_ method: Method, _ json: JSONObject) throws(JSONError) {
        self.method = method
        source = try json.string("source")
        if method == .adapter { adapter = try json.requiredString("adapter") }
        let names = ["daemon", "source", "adapter"].prefix(method == .adapter ? 3 : 2)
        for name in json.members.keys where !names.contains(name) {
            throw .wrongType(
                field: name, expected: "no such member; accepted: \(names.joined(separator: ", "))")
        }
    }
}

/// Why a label is or is not reported.
struct ExplainQuery: Equatable, Sendable {
    var daemon: String?
    var label: String
    var source: String?
    var adapter: String?

    /// - Throws: ``PageRefusal``
    init(_ target: PageTarget) throws(PageRefusal) {
        let parameters = try PageParameters(target, names: ["daemon", "label", "source", "adapter"])
        guard let label = try parameters.text("label"), !label.isEmpty else {
            throw .bad("the parameter 'label' is missing")
        }
        self.label = label
        daemon = try parameters.text("daemon")
        source = try parameters.text("source")
        adapter = try parameters.text("adapter")
    }
}

/// Requests to a daemon, each on a connection of its own.
///
/// Threading: any thread; a call blocks until the daemon has answered, at most ``timeoutSeconds``.
struct DaemonRequests: Sendable {
    private static let timeoutSeconds = 10.0
    let daemon: GatewaySettings.Daemon

    /// - Throws: ``PageRefusal``
    func carryOut(_ command: PageCommand) throws(PageRefusal) -> PageMessage {
        switch command.method {
        case .pause, .resume:
            let isPaused = command.method == .pause
            _ = try ask(isPaused ? .pause : .resume) { json in
                if let source = command.source { json.member("source", source) }
            }
            return answer { $0.member("paused", isPaused) }
        case .adapter:
            let name = command.adapter ?? AdapterRecord.baseName
            _ = try ask(.adapterUse) { json in
                json.member("names", strings: [name])
                if let source = command.source { json.member("source", source) }
            }
            return answer { $0.member("adapter", name == AdapterRecord.baseName ? nil : name) }
        }
    }

    /// - Throws: ``PageRefusal``
    func labels() throws(PageRefusal) -> PageMessage {
        let reply = try ask(.labels)
        return answer { reply.writeMembers(to: &$0) }
    }

    /// - Throws: ``PageRefusal``
    func explain(_ query: ExplainQuery) throws(PageRefusal) -> PageMessage {
        let reply = try ask(.explain) { json in
            json.member("label", query.label)
            if let source = query.source { json.member("source", source) }
            if let adapter = query.adapter { json.member("adapter", adapter) }
        }
        return answer { reply.writeMembers(to: &$0) }
    }

    private func answer(_ members: (inout JSONWriter) -> Void) -> PageMessage {
        .json { json in
            json.object { json in
                json.member("daemon", daemon.name)
                members(&json)
            }
        }
    }

    private func ask(
        _ method: RPCMethod, _ writeParams: ((inout JSONWriter) -> Void)? = nil
    ) throws(PageRefusal) -> JSONObject {
        do throws(ClientFailure) {
            let client = try ControlClient(path: daemon.controlSocket, timeoutSeconds: Self.timeoutSeconds)
            return try client.object(method, writeParams: writeParams)
        } catch {
            switch error {
            case .refused(_, let reason):
                throw PageRefusal(.conflict, "daemon_refused", reason.message)
            case .timeout: throw PageRefusal(.gatewayTimeout, "daemon_timeout", error.reason)
            case .noDaemon, .notPermitted, .badPath, .closed, .notUnderstood:
                throw PageRefusal(.serviceUnavailable, "daemon_away", error.reason)
            }
        }
    }
}
