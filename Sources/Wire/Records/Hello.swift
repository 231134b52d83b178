public import TextSupport

/// The first record on either socket.
public struct Hello: Sendable, Equatable {
    /// Version of the socket protocol.
    public let protocolVersion: Int
    /// Version of the daemon.
    public let version: String
    /// The daemon's run: another one after a restart.
    public let run: RunID
    /// Name of the model.
    public let model: String
    /// Name of the first active adapter; nil for the base model.
    public let adapter: String?
    /// All active variants, as in ``AdapterRecord/adapters``.
    public let adapters: [String]
    /// Number of labels of the first active variant.
    public let labels: Int
    /// Length of a window in seconds.
    public let window: Double
    /// Distance from the start of one window to the start of the next, in seconds; of several sources, the
    /// shortest.
    public var hop: Double
    /// Names of the sources; empty for a single source without a name.
    public let sources: [String]
    /// Why all sources are paused; nil when one of them is not.
    public let paused: String?

    public init(
        protocolVersion: Int = Wire.protocolVersion, version: String = astdVersion, run: RunID,
        model: String, adapters: [String?], labels: Int, window: Double, hop: Double,
        sources: [String] = [], paused: String? = nil
    ) {
        let active = AdapterRecord(adapters: adapters)
        self.protocolVersion = protocolVersion
        self.version = version
        self.run = run
        self.model = model
        adapter = active.active
        self.adapters = active.adapters
        self.labels = labels
        self.window = window
        self.hop = hop
        self.sources = sources
        self.paused = paused
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        protocolVersion = try json.requiredInteger("protocol", as: Int.self)
        version = try json.requiredString("version")
        run = RunID(try json.requiredString("run"))
        model = try json.requiredString("model")
        adapter = try json.string("adapter")
        adapters = try json.strings("adapters") ?? [adapter ?? AdapterRecord.baseName]
        labels = try json.requiredInteger("labels", as: Int.self)
        window = try json.requiredDouble("window")
        hop = try json.requiredDouble("hop")
        sources = try json.strings("sources") ?? []
        paused = try json.string("paused")
    }
}

extension Hello: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("protocol", protocolVersion)
        json.member("version", version)
        json.member("run", run.text)
        json.member("model", model)
        json.member("adapter", adapter)
        json.member("adapters", strings: adapters)
        json.member("labels", labels)
        json.member("window", seconds: window)
        json.member("hop", seconds: hop)
        if !sources.isEmpty { json.member("sources", strings: sources) }
        if let paused { json.member("paused", paused) }
    }
}
