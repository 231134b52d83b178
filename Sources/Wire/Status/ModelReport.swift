public import TextSupport

/// The model a daemon runs.
public struct ModelReport: Sendable, Equatable {
    /// Its directory.
    public var path: String
    public var name: String
    /// Number of labels it knows.
    public var labels: Int
    /// Length of its window in seconds.
    public var windowSeconds: Double
    /// Sample rate it wants, in Hz.
    public var sampleRate: Int

    public init(path: String, name: String, labels: Int, windowSeconds: Double, sampleRate: Int) {
        self.path = path
        self.name = name
        self.labels = labels
        self.windowSeconds = windowSeconds
        self.sampleRate = sampleRate
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        path = try json.requiredString("path")
        name = try json.requiredString("name")
        labels = try json.requiredInteger("labels", as: Int.self)
        windowSeconds = try json.requiredDouble("window_seconds")
        sampleRate = try json.requiredInteger("sample_rate", as: Int.self)
    }
}

extension ModelReport: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("path", path)
        json.member("name", name)
        json.member("labels", labels)
        json.member("window_seconds", seconds: windowSeconds)
        json.member("sample_rate", sampleRate)
    }
}
