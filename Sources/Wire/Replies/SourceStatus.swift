public import TextSupport

/// One of several sources in the reply to `status`: its state and its counters, as those of ``StatusReport``.
public struct SourceStatus: Sendable, Equatable {
    /// Its name in the settings.
    public var source: String
    /// The channel of a source with `channel: each`, counted from 1; otherwise nil.
    public var channel: Int?
    public var report: SourceReport
    /// Its variants, as in ``AdapterRecord/adapters``; nil where all sources have the same.
    public var adapters: [String]?
    public var hopSeconds: Double
    public var counters: SourceCounters

    public init(
        source: String, report: SourceReport, adapters: [String]? = nil, hopSeconds: Double,
        counters: SourceCounters
    ) {
        self.source = source
        self.report = report
        self.adapters = adapters
        self.hopSeconds = hopSeconds
        self.counters = counters
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        source = try json.requiredString("source")
        channel = try json.integer("channel", as: Int.self)
        report = try SourceReport(json)
        adapters = try json.strings("adapters")
        hopSeconds = try json.requiredDouble("hop_seconds")
        counters = try SourceCounters(json)
    }
}

extension SourceStatus: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("source", source)
        if let channel { json.member("channel", channel) }
        report.writeMembers(to: &json)
        if let adapters { json.member("adapters", strings: adapters) }
        json.member("hop_seconds", seconds: hopSeconds)
        counters.writeMembers(to: &json)
    }
}

/// What became of the windows and samples of a source since it was started.
public struct SourceCounters: Sendable, Equatable {
    /// Windows reported, including gated ones.
    public var windows: UInt64
    /// Windows skipped because inference fell behind.
    public var skippedWindows: UInt64
    /// Windows reported without inference because they were too quiet (the energy gate); included in
    /// `windows`.
    public var gatedWindows: UInt64
    /// Samples dropped because the capture buffer was full.
    public var overrunSamples: UInt64
    /// Samples that the source did not deliver.
    public var lostSamples: UInt64
    /// Samples skipped while paused.
    public var pausedSamples: UInt64
    /// Samples from the source that were NaN or infinite and were replaced by silence.
    public var invalidSamples: UInt64
    /// Samples of a live source at full scale, where the input cuts off.
    public var clippedSamples: UInt64

    public init(
        windows: UInt64 = 0, skippedWindows: UInt64 = 0, gatedWindows: UInt64 = 0, overrunSamples: UInt64 = 0,
        lostSamples: UInt64 = 0, pausedSamples: UInt64 = 0, invalidSamples: UInt64 = 0,
        clippedSamples: UInt64 = 0
    ) {
        self.windows = windows
        self.skippedWindows = skippedWindows
        self.gatedWindows = gatedWindows
        self.overrunSamples = overrunSamples
        self.lostSamples = lostSamples
        self.pausedSamples = pausedSamples
        self.invalidSamples = invalidSamples
        self.clippedSamples = clippedSamples
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        windows = try json.requiredInteger("windows", as: UInt64.self)
        skippedWindows = try json.requiredInteger("skipped_windows", as: UInt64.self)
        gatedWindows = try json.requiredInteger("gated_windows", as: UInt64.self)
        overrunSamples = try json.requiredInteger("overrun_samples", as: UInt64.self)
        lostSamples = try json.requiredInteger("lost_samples", as: UInt64.self)
        pausedSamples = try json.requiredInteger("paused_samples", as: UInt64.self)
        invalidSamples = try json.requiredInteger("invalid_samples", as: UInt64.self)
        clippedSamples = try json.requiredInteger("clipped_samples", as: UInt64.self)
    }

    /// The counters of both.
    public static func + (one: SourceCounters, other: SourceCounters) -> SourceCounters {
        var sum = one
        sum.windows += other.windows
        sum.skippedWindows += other.skippedWindows
        sum.gatedWindows += other.gatedWindows
        sum.overrunSamples += other.overrunSamples
        sum.lostSamples += other.lostSamples
        sum.pausedSamples += other.pausedSamples
        sum.invalidSamples += other.invalidSamples
        sum.clippedSamples += other.clippedSamples
        return sum
    }
}

extension SourceCounters: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("windows", windows)
        json.member("skipped_windows", skippedWindows)
        json.member("gated_windows", gatedWindows)
        json.member("overrun_samples", overrunSamples)
        json.member("lost_samples", lostSamples)
        json.member("paused_samples", pausedSamples)
        json.member("invalid_samples", invalidSamples)
        json.member("clipped_samples", clippedSamples)
    }
}
