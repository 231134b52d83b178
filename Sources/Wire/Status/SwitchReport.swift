public import TextSupport

/// The reply to `adapter.use`: what classifies now, and what it took.
public struct SwitchReport: Sendable, Equatable {
    /// As in ``AdapterRecord/adapters``.
    public var active: [String]
    /// Merging, beside the running engine.
    public var mergeMs: Double
    /// Waiting for the window that was being computed.
    public var waitMs: Double
    /// From the request to the switch, both included.
    public var totalMs: Double

    public init(active: [String], mergeMs: Double, waitMs: Double, totalMs: Double) {
        self.active = active
        self.mergeMs = mergeMs
        self.waitMs = waitMs
        self.totalMs = totalMs
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        active = try json.strings("active") ?? []
        mergeMs = try json.requiredDouble("merge_ms")
        waitMs = try json.requiredDouble("wait_ms")
        totalMs = try json.requiredDouble("total_ms")
    }
}

extension SwitchReport: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("active", strings: active)
        json.member("merge_ms", mergeMs, decimals: 3)
        json.member("wait_ms", waitMs, decimals: 3)
        json.member("total_ms", totalMs, decimals: 3)
    }
}
