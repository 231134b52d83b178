/// Finds out when recordings began.
public struct RecordingClock: Sendable, Equatable {
    /// The zone of times that are written without one.
    public var zone: TimeZoneRule
    /// The start that the user named, of the only recording.
    private let start: CivilTime?

    /// - Parameter start: For example `2024-05-01T05:30:00` or `2024-05-01T05:30:00+02:00`; `nil`: each
    ///   recording's own.
    /// - Returns: `nil` when `start` is not a time.
    public init?(zone: TimeZoneRule = .local, start: String? = nil) {
        self.zone = zone
        self.start = start.flatMap { CivilTime($0) }
        if start != nil && self.start == nil { return nil }
    }

    /// The named start, else that of the file's metadata, else that of its name; `nil` when none has a time.
    func start(of path: String) -> RecordingStart? {
        let time =
            start ?? (path == "-" ? nil : RecorderMetadata.time(in: path) ?? RecorderName.time(in: path))
        return time.map { zone.start(of: $0) }
    }
}
