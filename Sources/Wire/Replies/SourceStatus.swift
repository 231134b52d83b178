public import TextSupport

/// One of several sources in the reply to `status`: its state and its counters, as those of ``StatusReport``.
public struct SourceStatus: Sendable, Equatable {
    /// Its name in the settings.
    public var source: String
    public var report: SourceReport
    public var hopSeconds: Double
    public var counters: SourceCounters

    public init(source: String, report: SourceReport, hopSeconds: Double, counters: SourceCounters) {
        self.source = source
        self.report = report
        self.hopSeconds = hopSeconds
        self.counters = counters
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        source = try json.requiredString("source")
        report = try SourceReport(json)
        hopSeconds = try json.requiredDouble("hop_seconds")
        counters = try SourceCounters(json)
    }
}

extension SourceStatus: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("source", source)
        report.writeMembers(to: &json)
        json.member("hop_seconds", seconds: hopSeconds)
        counters.writeMembers(to: &json)
    }
}

/// What became of the windows and samples of a source since it was started.
public struct SourceCounters: Sendable, Equatable {
    public var windows: UInt64 = 0
    public var skippedWindows: UInt64 = 0
    public var gatedWindows: UInt64 = 0
    public var overrunSamples: UInt64 = 0
    public var lostSamples: UInt64 = 0
    public var pausedSamples: UInt64 = 0
    public var invalidSamples: UInt64 = 0
    public var clippedSamples: UInt64 = 0

    public init() {}

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
