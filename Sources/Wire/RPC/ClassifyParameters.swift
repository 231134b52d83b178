public import TextSupport

/// Which file a client wants classified, and what it wants to know of each window.
public struct ClassifyParameters: Sendable, Equatable {
    /// An absolute path as the daemon sees it; nil for the file that comes with the request.
    public var path: String?
    /// What to call the file that comes with the request.
    public var name: String?
    /// Most labels a window.
    public var topK: Int
    /// Lowest score that is told.
    public var minScore: Float?
    /// Seconds from one window to the next; nil for the window's length.
    public var hop: Double?

    /// ``hop`` in frames of 10 ms.
    public var hopFrames: Int? { hop.map { Int(($0 * 100).rounded()) } }

    public init(
        path: String? = nil, name: String? = nil, topK: Int = 5, minScore: Float? = nil, hop: Double? = nil
    ) {
        self.path = path
        self.name = name
        self.topK = topK
        self.minScore = minScore
        self.hop = hop
    }

    /// - Throws: ``JSONError`` for a parameter nobody knows, of another type or out of range.
    public init(_ json: JSONObject) throws(JSONError) {
        let known = ["path", "name", "top_k", "min_score", "hop"]
        if let stranger = json.members.keys.sorted().first(where: { !known.contains($0) }) {
            throw .wrongType(field: stranger, expected: "left out: the parameters are \(known)")
        }
        path = try json.string("path")
        name = try json.string("name")
        topK = try json.integer("top_k", as: Int.self) ?? 5
        minScore = try json.float("min_score")
        hop = try json.double("hop")
        if let path, !path.hasPrefix("/") {
            throw .wrongType(field: "path", expected: "absolute")
        }
        if topK < 1 { throw .wrongType(field: "top_k", expected: "1 or more") }
        if let hop, !(0.01...600).contains(hop) {
            throw .wrongType(field: "hop", expected: "0.01 to 600 seconds")
        }
    }
}

extension ClassifyParameters: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let path { json.member("path", path) }
        if let name { json.member("name", name) }
        json.member("top_k", topK)
        if let minScore { json.member("min_score", minScore) }
        if let hop { json.member("hop", seconds: hop) }
    }
}

/// How a file's classification ended.
public struct ClassifyReport: Sendable, Equatable {
    public let file: String
    public let windows: Int
    /// Of audio, at 16 kHz.
    public let seconds: Double

    public init(file: String, windows: Int, seconds: Double) {
        self.file = file
        self.windows = windows
        self.seconds = seconds
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        file = try json.requiredString("file")
        windows = try json.requiredInteger("windows", as: Int.self)
        seconds = try json.requiredDouble("seconds")
    }
}

extension ClassifyReport: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("file", file)
        json.member("windows", windows)
        json.member("seconds", seconds: seconds)
    }
}
