public import TextSupport

/// The parameters of `classify`: a file and the labels to report for each window.
public struct ClassifyParameters: Sendable, Equatable {
    /// Names in `params`.
    static let names = ["path", "name", "top_k", "min_score", "hop", "channel"]

    /// An absolute path as the daemon sees it; nil for the open file that is passed with the request.
    public var path: String?
    /// Name of the passed file in the records.
    public var name: String?
    /// Maximum number of labels per window.
    public var topK: Int
    /// Lowest score to report.
    public var minScore: Float?
    /// Seconds from one window to the next; nil for the window's length.
    public var hop: Double?

    /// One channel, counted from 1; nil for the mean of all.
    public var channel: Int?

    /// ``hop`` in frames of 10 ms.
    public var hopFrames: Int? { hop.map { Int(($0 * 100).rounded()) } }

    public init(
        path: String? = nil, name: String? = nil, topK: Int = 5, minScore: Float? = nil, hop: Double? = nil,
        channel: Int? = nil
    ) {
        self.path = path
        self.name = name
        self.topK = topK
        self.minScore = minScore
        self.hop = hop
        self.channel = channel
    }

    /// - Throws: ``JSONError`` for a parameter that is unknown, of another type or out of range.
    public init(_ json: JSONObject) throws(JSONError) {
        try RPCMethod.classify.checkNames(of: json)
        path = try json.string("path")
        name = try json.string("name")
        topK = try json.integer("top_k", as: Int.self) ?? 5
        minScore = try json.float("min_score")
        hop = try json.double("hop")
        channel = try json.integer("channel", as: Int.self)
        if let path, !path.hasPrefix("/") {
            throw .wrongType(field: "path", expected: "an absolute path")
        }
        if topK < 1 { throw .wrongType(field: "top_k", expected: "1 or more") }
        if let channel, channel < 1 { throw .wrongType(field: "channel", expected: "1 or more") }
        if let hop, !HopRange.contains(hop) { throw .wrongType(field: "hop", expected: HopRange.text) }
    }
}

extension ClassifyParameters: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let path { json.member("path", path) }
        if let name { json.member("name", name) }
        json.member("top_k", topK)
        if let minScore { json.member("min_score", minScore) }
        if let hop { json.member("hop", seconds: hop) }
        if let channel { json.member("channel", channel) }
    }
}

/// The reply to `classify`.
public struct ClassifyReport: Sendable, Equatable {
    public let file: String
    public let windows: Int
    /// Length of the audio.
    public let seconds: Double
    /// Why the scores may not represent the file; nil when they do.
    public let warning: String?

    public init(file: String, windows: Int, seconds: Double, warning: String? = nil) {
        self.file = file
        self.windows = windows
        self.seconds = seconds
        self.warning = warning
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        file = try json.requiredString("file")
        windows = try json.requiredInteger("windows", as: Int.self)
        seconds = try json.requiredDouble("seconds")
        warning = try json.string("warning")
    }
}

extension ClassifyReport: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("file", file)
        json.member("windows", windows)
        json.member("seconds", seconds: seconds)
        if let warning { json.member("warning", warning) }
    }
}
