public import TextSupport

/// The reply to `adapter.list`: the loaded adapters, and the active variants.
public struct AdapterList: Sendable, Equatable {
    /// One loaded adapter.
    public struct Entry: Sendable, Equatable {
        public var name: String
        /// The directory that it was read from.
        public var path: String
        public var isActive: Bool
        /// Number of its labels.
        public var labels: Int
        /// Number of weight matrices that it changes.
        public var matrices: Int
        /// Smallest and largest rank; nil when it changes no matrix.
        public var ranks: ClosedRange<Int>?
        /// Memory that it occupies while it is active, in bytes.
        public var bytes: Int
        /// Arithmetic of its network, in which `bytes` is counted: `fp32`, `bf16`, `int8`.
        public var precision: String
        /// Digest of its files.
        public var sha256: String
        /// What its user should know, such as missing labels.
        public var warnings: [String]

        public init(
            name: String, path: String, isActive: Bool, labels: Int, matrices: Int, ranks: ClosedRange<Int>?,
            bytes: Int, precision: String, sha256: String, warnings: [String] = []
        ) {
            self.name = name
            self.path = path
            self.isActive = isActive
            self.labels = labels
            self.matrices = matrices
            self.ranks = ranks
            self.bytes = bytes
            self.precision = precision
            self.sha256 = sha256
            self.warnings = warnings
        }

        /// - Throws: ``JSONError`` when a member is missing or of another type.
        public init(_ json: JSONObject) throws(JSONError) {
            name = try json.requiredString("name")
            path = try json.requiredString("path")
            isActive = try json.bool("active") ?? false
            labels = try json.requiredInteger("labels", as: Int.self)
            matrices = try json.requiredInteger("matrices", as: Int.self)
            let least = try json.integer("rank_min", as: Int.self)
            let most = try json.integer("rank_max", as: Int.self)
            ranks = least.flatMap { least in most.flatMap { $0 >= least ? least...$0 : nil } }
            bytes = try json.requiredInteger("bytes", as: Int.self)
            precision = try json.requiredString("precision")
            sha256 = try json.requiredString("sha256")
            warnings = try json.strings("warnings") ?? []
        }
    }

    /// All active variants, as in ``AdapterRecord/adapters``.
    public let active: [String]
    public let adapters: [Entry]

    public init(active: [String], adapters: [Entry]) {
        self.active = active
        self.adapters = adapters
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        active = try json.strings("active") ?? []
        adapters = try json.requiredRecords("adapters") { json throws(JSONError) in try Entry(json) }
    }
}

extension AdapterList.Entry: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("name", name)
        json.member("path", path)
        json.member("active", isActive)
        json.member("labels", labels)
        json.member("matrices", matrices)
        if let ranks {
            json.member("rank_min", ranks.lowerBound)
            json.member("rank_max", ranks.upperBound)
        }
        json.member("bytes", bytes)
        json.member("precision", precision)
        json.member("sha256", sha256)
        json.member("warnings", strings: warnings)
    }
}

extension AdapterList: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("active", strings: active)
        json.member("adapters", adapters)
    }
}

/// The reply to `adapter.use`: the active variants, and the durations of the switch.
public struct SwitchReport: Sendable, Equatable {
    /// All active variants, as in ``AdapterRecord/adapters``.
    public var active: [String]
    /// Merging, in parallel with the running engine.
    public var mergeMs: Double
    /// Waiting for the current window.
    public var waitMs: Double
    /// From the request to the switch, including both.
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
