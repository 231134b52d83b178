public import TextSupport

/// The reply to `status`: how a daemon is and what it has done.
public struct StatusReport: Sendable, Equatable {
    /// One word: `running`, `paused`, or what the daemon calls the state it is in.
    public var state: String
    /// Version of the daemon.
    public var version: String
    /// Process id of the daemon.
    public var pid: Int
    public var uptimeSeconds: Double
    public var model: ModelReport
    /// Name of the active adapter, the first if there are several; nil for none.
    public var adapter: String?
    /// All that classify, as in ``AdapterRecord/adapters``.
    public var adapters: [String]
    /// `fp32`, `bf16` or `int8`.
    public var precision: String
    /// Threads of a forward pass.
    public var threads: Int
    public var source: SourceReport
    /// Distance from one window to the next in seconds.
    public var hopSeconds: Double
    /// Windows classified since the start.
    public var windows: UInt64
    /// Windows left out because the machine was too slow.
    public var skippedWindows: UInt64
    /// Windows too quiet to be classified (the energy gate); counted among `windows`.
    public var gatedWindows: UInt64
    /// Samples dropped because the capture buffer was full.
    public var overrunSamples: UInt64
    /// Samples the source did not deliver.
    public var lostSamples: UInt64
    /// Samples nobody was to listen to.
    public var pausedSamples: UInt64
    /// Time of the last forward pass in milliseconds; nil before the first.
    public var lastWindowMs: Double?
    public var meanWindowMs: Double?
    /// Clients connected to either socket.
    public var clients: Int
    /// Records that clients missed because they read too slowly, summed over all.
    public var lostRecords: UInt64
    public var memory: MemoryReport

    public init(
        state: String, version: String = astdVersion, pid: Int, uptimeSeconds: Double, model: ModelReport,
        adapters: [String?], precision: String, threads: Int, source: SourceReport, hopSeconds: Double,
        windows: UInt64, skippedWindows: UInt64, gatedWindows: UInt64 = 0, overrunSamples: UInt64,
        lostSamples: UInt64, pausedSamples: UInt64 = 0,
        lastWindowMs: Double?, meanWindowMs: Double?, clients: Int, lostRecords: UInt64,
        memory: MemoryReport
    ) {
        self.state = state
        self.version = version
        self.pid = pid
        self.uptimeSeconds = uptimeSeconds
        self.model = model
        let active = AdapterRecord(adapters: adapters)
        adapter = active.active
        self.adapters = active.adapters
        self.precision = precision
        self.threads = threads
        self.source = source
        self.hopSeconds = hopSeconds
        self.windows = windows
        self.skippedWindows = skippedWindows
        self.gatedWindows = gatedWindows
        self.overrunSamples = overrunSamples
        self.lostSamples = lostSamples
        self.pausedSamples = pausedSamples
        self.lastWindowMs = lastWindowMs
        self.meanWindowMs = meanWindowMs
        self.clients = clients
        self.lostRecords = lostRecords
        self.memory = memory
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        state = try json.requiredString("state")
        version = try json.requiredString("version")
        pid = try json.requiredInteger("pid", as: Int.self)
        uptimeSeconds = try json.requiredDouble("uptime_seconds")
        model = try ModelReport(json.requiredObject("model"))
        adapter = try json.string("adapter")
        adapters = try json.strings("adapters") ?? [adapter ?? AdapterRecord.baseName]
        precision = try json.requiredString("precision")
        threads = try json.requiredInteger("threads", as: Int.self)
        source = try SourceReport(json.requiredObject("source"))
        hopSeconds = try json.requiredDouble("hop_seconds")
        windows = try json.requiredInteger("windows", as: UInt64.self)
        skippedWindows = try json.requiredInteger("skipped_windows", as: UInt64.self)
        gatedWindows = try json.integer("gated_windows", as: UInt64.self) ?? 0
        overrunSamples = try json.requiredInteger("overrun_samples", as: UInt64.self)
        lostSamples = try json.requiredInteger("lost_samples", as: UInt64.self)
        pausedSamples = try json.integer("paused_samples", as: UInt64.self) ?? 0
        lastWindowMs = try json.double("last_window_ms")
        meanWindowMs = try json.double("mean_window_ms")
        clients = try json.requiredInteger("clients", as: Int.self)
        lostRecords = try json.requiredInteger("lost_records", as: UInt64.self)
        memory = try MemoryReport(json.requiredObject("memory"))
    }
}

extension StatusReport: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("state", state)
        json.member("version", version)
        json.member("pid", pid)
        json.member("uptime_seconds", uptimeSeconds, decimals: 1)
        json.key("model")
        model.write(to: &json)
        json.member("adapter", adapter)
        json.member("adapters", strings: adapters)
        json.member("precision", precision)
        json.member("threads", threads)
        json.key("source")
        source.write(to: &json)
        json.member("hop_seconds", seconds: hopSeconds)
        json.member("windows", windows)
        json.member("skipped_windows", skippedWindows)
        json.member("gated_windows", gatedWindows)
        json.member("overrun_samples", overrunSamples)
        json.member("lost_samples", lostSamples)
        json.member("paused_samples", pausedSamples)
        json.member("last_window_ms", lastWindowMs, decimals: 1)
        json.member("mean_window_ms", meanWindowMs, decimals: 1)
        json.member("clients", clients)
        json.member("lost_records", lostRecords)
        json.key("memory")
        memory.write(to: &json)
    }
}
