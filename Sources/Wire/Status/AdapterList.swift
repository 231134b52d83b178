public import TextSupport

/// The reply to `adapter.list`: what is loaded, and what classifies.
public struct AdapterList: Sendable, Equatable {
    /// One loaded adapter.
    public struct Entry: Sendable, Equatable {
        public var name: String
        /// Its directory.
        public var path: String
        public var isActive: Bool
        /// Number of labels it knows.
        public var labels: Int
        /// Weight matrices that it changes.
        public var matrices: Int
        /// Smallest and largest rank; nil when it changes no matrix.
        public var ranks: ClosedRange<Int>?
        /// Memory that it takes while it is active, in bytes.
        public var bytes: Int
        /// Of its files: tells whether two are the same.
        public var sha256: String

        public init(
            name: String, path: String, isActive: Bool, labels: Int, matrices: Int, ranks: ClosedRange<Int>?,
            bytes: Int, sha256: String
        ) {
            self.name = name
            self.path = path
            self.isActive = isActive
            self.labels = labels
            self.matrices = matrices
            self.ranks = ranks
            self.bytes = bytes
            self.sha256 = sha256
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
            sha256 = try json.requiredString("sha256")
        }
    }

    /// All that classify, as in ``AdapterRecord/adapters``.
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
        json.member("sha256", sha256)
    }
}

extension AdapterList: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("active", strings: active)
        json.member("adapters", adapters)
    }
}
