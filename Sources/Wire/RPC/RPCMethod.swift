public import TextSupport

/// The requests of `astd.sock`: the one table that the daemon, astctl, the tests and docs/protocol.md share.
public enum RPCMethod: String, Sendable, CaseIterable {
    case hello
    case status
    case labels
    case explain
    case sources
    case subscribe
    case unsubscribe
    case adapterList = "adapter.list"
    case adapterLoad = "adapter.load"
    case adapterUse = "adapter.use"
    case adapterUnload = "adapter.unload"
    case reload
    case pause
    case resume
    case metrics
    case classify
    case shutdown

    /// Names of the parameters that the request accepts; any other is refused.
    public var parameters: [String] {
        switch self {
        case .hello, .sources, .unsubscribe, .adapterList, .reload, .shutdown: []
        case .status, .pause, .resume, .metrics: ["source"]
        case .labels: ["adapter"]
        case .explain: ["label", "adapter", "source"]
        case .subscribe: SubscribeParameters.names
        case .adapterLoad: ["path", "name"]
        case .adapterUse: ["names", "source"]
        case .adapterUnload: ["name"]
        case .classify: ClassifyParameters.names
        }
    }

    /// Whether the daemon may wait for the disk, the sound server or the engine before it replies. For the
    /// table in docs/protocol.md, which a test compares with it; it does not decide where a request runs.
    public var mayBlock: Bool {
        switch self {
        case .hello, .labels, .explain, .subscribe, .unsubscribe, .adapterList, .shutdown: false
        case .status, .sources, .adapterLoad, .adapterUse, .adapterUnload, .reload, .pause, .resume, .metrics,
            .classify:
            true
        }
    }

    /// Checks the names of a request's parameters.
    ///
    /// - Throws: ``JSONError/unknownParameter(_:method:accepted:)``.
    public func checkNames(of params: JSONObject) throws(JSONError) {
        guard let unknown = params.members.keys.sorted().first(where: { !parameters.contains($0) }) else {
            return
        }
        let accepted = parameters.isEmpty ? "none" : parameters.map { "`\($0)`" }.joined(separator: ", ")
        throw .unknownParameter(unknown, method: rawValue, accepted: accepted)
    }
}
