public import TextSupport

/// A sound in a file, from its first window to its last.
///
/// Times are those that a daemon's `event` records have for the same sound: of the last samples of these windows.
public struct BatchEvent: Sendable, Equatable {
    public let file: String
    /// In seconds from the start of the file.
    public let start: Double
    public let end: Double
    /// Whose label it is, where several adapters classify; nil where it goes without saying.
    public let adapter: String?
    public let index: Int
    public let label: String
    /// Highest score of the event.
    public let peakScore: Float

    /// 0 for an event that one window made.
    public var duration: Double { end - start }

    public init(
        file: String, start: Double, end: Double, adapter: String? = nil, index: Int, label: String,
        peakScore: Float
    ) {
        self.file = file
        self.start = start
        self.end = end
        self.adapter = adapter
        self.index = index
        self.label = label
        self.peakScore = peakScore
    }
}

extension BatchEvent: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("file", file)
        json.member("start", seconds: start)
        json.member("end", seconds: end)
        json.member("duration", seconds: duration)
        if let adapter { json.member("adapter", adapter) }
        json.member("index", index)
        json.member("label", label)
        json.member("peak_score", peakScore)
    }
}
