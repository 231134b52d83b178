internal import SystemSupport

/// Finds out when recordings began.
public struct RecordingClock: Sendable, Equatable {
    /// The zone of times that are written without one.
    private let zone: TimeZoneRule
    /// As the user wrote them.
    package let zoneText: String
    package let startText: String
    /// The start that the user named, of the only recording.
    private let start: CivilTime?

    /// Each recording's own start, in the zone of this process.
    public static let local = RecordingClock()

    private init() { (zone, zoneText, start, startText) = (.local, "local", nil, "none") }

    /// Why an option is not accepted.
    public enum Refusal: Error, Equatable, Sendable {
        case unknownZone, badStart
    }

    /// - Parameters:
    ///   - zone: As ``TimeZoneRule/init(selecting:)`` reads it.
    ///   - start: For example `2024-05-01T05:30:00` or `2024-05-01T05:30:00+02:00`; `nil`: each recording's
    ///     own.
    public init(zone: String, start: String?) throws(Refusal) {
        guard let rule = TimeZoneRule(selecting: zone) else { throw .unknownZone }
        self.zone = rule
        zoneText = zone
        startText = start ?? "none"
        self.start = start.flatMap { CivilTime($0) }
        if start != nil && self.start == nil { throw .badStart }
    }

    /// The named start, else that of the file's metadata, else that of its name; `nil` when none has a time.
    package func start(of path: String) -> RecordingStart? {
        let time =
            start ?? (path == "-" ? nil : RecorderMetadata.time(in: path) ?? RecorderName.time(in: path))
        return time.map { zone.start(of: $0) }
    }
}
