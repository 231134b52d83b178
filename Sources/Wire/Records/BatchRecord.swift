public import TextSupport

/// The scores of one window of a file.
///
/// A path is text on the wire. One that is not UTF-8 is written with U+FFFD in place of each byte that
/// does not fit (`String(decoding: pathBytes, as: UTF8.self)`), so it can be read but not opened again.
public struct BatchRecord: Sendable, Equatable {
    public let file: String
    /// Start of the window in seconds from the start of the file.
    public let start: Double
    /// End of the window in seconds, never past the end of the file.
    public let end: Double
    /// Whose labels these are, where several adapters classify; nil where it goes without saying.
    public let adapter: String?
    /// How the scores of all windows of the file became these, `mean` or `max`; nil for one window's scores.
    public let aggregate: String?
    /// Best first.
    public let labels: [ScoredLabel]

    public init(
        file: String, start: Double, end: Double, adapter: String? = nil, aggregate: String? = nil,
        labels: [ScoredLabel]
    ) {
        self.file = file
        self.start = start
        self.end = end
        self.adapter = adapter
        self.aggregate = aggregate
        self.labels = labels
    }
}

extension BatchRecord {
    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        file = try json.requiredString("file")
        start = try json.requiredDouble("start")
        end = try json.requiredDouble("end")
        adapter = try json.string("adapter")
        aggregate = try json.string("aggregate")
        labels = try json.requiredRecords("labels") { json throws(JSONError) in try ScoredLabel(json) }
    }

    /// One line for people, without its line break.
    public var sentence: String {
        let scores = labels.map { entry in
            "\(entry.label) \(FixedDecimals.text(Double(entry.score), decimals: 3) ?? "?")"
        }
        var span = "\(Self.time(start)) - \(Self.time(end))"
        if let aggregate { span += "  \(aggregate)" }
        if let adapter { span += "  [\(adapter)]" }
        return "\(file)  \(span)  \(scores.joined(separator: "  "))"
    }

    private static func time(_ seconds: Double) -> String {
        FixedDecimals.text(seconds, decimals: 2).map { $0 + "s" } ?? "?"
    }
}

extension BatchRecord: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("file", file)
        json.member("start", seconds: start)
        json.member("end", seconds: end)
        if let adapter { json.member("adapter", adapter) }
        if let aggregate { json.member("aggregate", aggregate) }
        json.member("labels", labels)
    }
}

/// A file that could not be classified; the ones after it still are.
public struct BatchError: Sendable, Equatable {
    public let file: String
    /// A word for programs, such as `unreadable`.
    public let code: String
    /// A sentence for people.
    public let message: String

    public init(file: String, code: String, message: String) {
        self.file = file
        self.code = code
        self.message = message
    }
}

extension BatchError: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("file", file)
        json.key("error")
        json.object { json in
            json.member("code", code)
            json.member("message", message)
        }
    }
}
