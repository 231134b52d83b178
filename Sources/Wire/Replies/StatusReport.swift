public import TextSupport

/// The reply to `status`: the daemon's state and its counters.
public struct StatusReport: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        /// Samples arrive.
        case listening
        /// The source is missing or recovering.
        case waiting
        /// Capture is paused.
        case paused
    }

    public var state: State
    /// Version of the daemon.
    public var version: String
    /// The daemon's run, as in ``Hello/run``.
    public var run: RunID
    /// Process id of the daemon.
    public var pid: Int
    public var uptimeSeconds: Double
    public var model: ModelReport
    /// Name of the first active adapter; nil for the base model.
    public var adapter: String?
    /// All active variants, as in ``AdapterRecord/adapters``.
    public var adapters: [String]
    /// `fp32`, `bf16` or `int8`.
    public var precision: String
    /// How far int8 differs from fp32 for this network, in one line; nil where it was not compared.
    public var precisionCheck: String?
    /// Threads of a forward pass.
    public var threads: Int
    /// The source that has no name; nil where ``sources`` have.
    public var source: SourceReport?
    /// The named sources; empty for a single source without a name. All counters below are sums over them.
    public var sources: [SourceStatus]
    /// The events in progress, oldest first.
    public var events: [ActiveEvent]
    /// Distance from the start of one window to the start of the next; of several sources, the shortest.
    public var hopSeconds: Double
    /// The shortest hop that the machine can keep with 30 % to spare; nil where it was not measured.
    public var shortestHopSeconds: Double?
    /// Why the hop cannot be kept, and what helps; nil when it can.
    public var hopProblem: String?
    /// Of all sources.
    public var counters: SourceCounters
    /// Duration of the last forward pass in milliseconds; nil before the first.
    public var lastWindowMs: Double?
    public var meanWindowMs: Double?
    /// Clients connected to either socket.
    public var clients: Int
    /// Records lost because a client read too slowly, summed over all clients.
    public var lostRecords: UInt64
    public var memory: MemoryReport

    public init(
        state: State, version: String = astdVersion, run: RunID, pid: Int, uptimeSeconds: Double,
        model: ModelReport,
        adapters: [String?], precision: String, precisionCheck: String? = nil, threads: Int,
        source: SourceReport?, sources: [SourceStatus] = [], events: [ActiveEvent], hopSeconds: Double,
        counters: SourceCounters, lastWindowMs: Double?, meanWindowMs: Double?, clients: Int,
        lostRecords: UInt64,
        memory: MemoryReport
    ) {
        self.state = state
        self.version = version
        self.run = run
        self.pid = pid
        self.uptimeSeconds = uptimeSeconds
        self.model = model
        let active = AdapterRecord(adapters: adapters)
        adapter = active.active
        self.adapters = active.adapters
        self.precision = precision
        self.precisionCheck = precisionCheck
        self.threads = threads
        self.source = source
        self.sources = sources
        self.events = events
        self.hopSeconds = hopSeconds
        self.counters = counters
        self.lastWindowMs = lastWindowMs
        self.meanWindowMs = meanWindowMs
        self.clients = clients
        self.lostRecords = lostRecords
        self.memory = memory
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        state = try json.requiredWord("state", of: State.allCases)
        version = try json.requiredString("version")
        run = RunID(try json.requiredString("run"))
        pid = try json.requiredInteger("pid", as: Int.self)
        uptimeSeconds = try json.requiredDouble("uptime_seconds")
        model = try ModelReport(json.requiredObject("model"))
        adapter = try json.string("adapter")
        adapters = try json.strings("adapters") ?? [adapter ?? AdapterRecord.baseName]
        precision = try json.requiredString("precision")
        precisionCheck = try json.string("precision_check")
        threads = try json.requiredInteger("threads", as: Int.self)
        sources = []
        for object in try json.objects("sources") ?? [] { sources.append(try SourceStatus(object)) }
        source = sources.isEmpty ? try SourceReport(json.requiredObject("source")) : nil
        events = try json.requiredRecords("events") { json throws(JSONError) in try ActiveEvent(json) }
        hopSeconds = try json.requiredDouble("hop_seconds")
        shortestHopSeconds = try json.double("shortest_hop_seconds")
        hopProblem = try json.string("hop_problem")
        counters = try SourceCounters(json)
        lastWindowMs = try json.double("last_window_ms")
        meanWindowMs = try json.double("mean_window_ms")
        clients = try json.requiredInteger("clients", as: Int.self)
        lostRecords = try json.requiredInteger("lost_records", as: UInt64.self)
        memory = try MemoryReport(json.requiredObject("memory"))
    }
}

extension StatusReport: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("state", state.rawValue)
        json.member("version", version)
        json.member("run", run.text)
        json.member("pid", pid)
        json.member("uptime_seconds", uptimeSeconds, decimals: 1)
        json.key("model")
        model.write(to: &json)
        json.member("adapter", adapter)
        json.member("adapters", strings: adapters)
        json.member("precision", precision)
        if let precisionCheck { json.member("precision_check", precisionCheck) }
        json.member("threads", threads)
        if let source {
            json.key("source")
            source.write(to: &json)
        }
        if !sources.isEmpty { json.member("sources", sources) }
        json.member("events", events)
        json.member("hop_seconds", seconds: hopSeconds)
        if let shortestHopSeconds { json.member("shortest_hop_seconds", seconds: shortestHopSeconds) }
        if let hopProblem { json.member("hop_problem", hopProblem) }
        counters.writeMembers(to: &json)
        json.member("last_window_ms", lastWindowMs, decimals: 1)
        json.member("mean_window_ms", meanWindowMs, decimals: 1)
        json.member("clients", clients)
        json.member("lost_records", lostRecords)
        json.key("memory")
        memory.write(to: &json)
    }
}

/// The model of a daemon.
public struct ModelReport: Sendable, Equatable {
    /// Its directory.
    public var path: String
    public var name: String
    /// Number of labels of the first active variant, without groups.
    public var labels: Int
    /// The function that turns the logits of that variant into scores, and the reason for it.
    public var activation: String
    public var activationReason: String
    /// Length of its window in seconds.
    public var windowSeconds: Double
    /// Sample rate of its input in Hz.
    public var sampleRate: Int

    public init(
        path: String, name: String, labels: Int, activation: String, activationReason: String,
        windowSeconds: Double, sampleRate: Int
    ) {
        self.path = path
        self.name = name
        self.labels = labels
        self.activation = activation
        self.activationReason = activationReason
        self.windowSeconds = windowSeconds
        self.sampleRate = sampleRate
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        path = try json.requiredString("path")
        name = try json.requiredString("name")
        labels = try json.requiredInteger("labels", as: Int.self)
        activation = try json.requiredString("activation")
        activationReason = try json.requiredString("activation_reason")
        windowSeconds = try json.requiredDouble("window_seconds")
        sampleRate = try json.requiredInteger("sample_rate", as: Int.self)
    }
}

extension ModelReport: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("path", path)
        json.member("name", name)
        json.member("labels", labels)
        json.member("activation", activation)
        json.member("activation_reason", activationReason)
        json.member("window_seconds", seconds: windowSeconds)
        json.member("sample_rate", sampleRate)
    }
}

/// The source of a daemon.
public struct SourceReport: Sendable, Equatable {
    public var state: SourceRecord.State
    /// The source as `--source` accepts it, such as `pulse:NAME`.
    public var name: String
    /// The reason of the state, as in the current `source` record; nil when there is nothing to add.
    public var message: String?

    public init(state: SourceRecord.State, name: String, message: String? = nil) {
        self.state = state
        self.name = name
        self.message = message
    }

    public init(_ record: SourceRecord) {
        self.init(state: record.state, name: record.name, message: record.message)
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        state = try json.requiredWord("state", of: SourceRecord.State.allCases)
        name = try json.requiredString("name")
        message = try json.string("message")
    }
}

extension SourceReport: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("state", state.rawValue)
        json.member("name", name)
        if let message { json.member("message", message) }
    }
}

/// Memory of a daemon in bytes.
public struct MemoryReport: Sendable, Equatable {
    /// Resident memory, including the mapped model file.
    public var rssBytes: UInt64
    /// Resident memory that no file backs.
    public var anonymousBytes: UInt64

    public init(rssBytes: UInt64, anonymousBytes: UInt64) {
        self.rssBytes = rssBytes
        self.anonymousBytes = anonymousBytes
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        rssBytes = try json.requiredInteger("rss_bytes", as: UInt64.self)
        anonymousBytes = try json.requiredInteger("anonymous_bytes", as: UInt64.self)
    }
}

extension MemoryReport: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("rss_bytes", rssBytes)
        json.member("anonymous_bytes", anonymousBytes)
    }
}
