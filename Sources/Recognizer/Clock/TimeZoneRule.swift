private import Glibc
public import SystemSupport
private import Wire

extension TimeZoneRule {
    /// Reads `UTC`, `local`, an offset such as `+02:00`, or a name such as `Europe/Berlin`. A name becomes
    /// the zone of this process: call it before other threads start.
    ///
    /// - Returns: `nil` for a zone that this machine does not know.
    public init?(selecting name: String) {
        var digits = Digits(name)
        if name == "local" {
            self = .local
        } else if name == "UTC" || name == "Z" {
            self = .offset(0)
        } else if let offset = digits.offset(), digits.isEmpty {
            self = .offset(offset)
        } else {
            let isName = name.utf8.allSatisfy {
                $0 < 0x80
                    && (Character(Unicode.Scalar($0)).isLetter || Digits.isDigit($0)
                        || "/_+-".utf8.contains($0))
            }
            guard isName, !name.isEmpty, !name.hasPrefix("/"),
                StandardPaths.fileExists("/usr/share/zoneinfo/\(name)"), setenv("TZ", name, 1) == 0
            else { return nil }
            tzset()
            self = .local
        }
    }

    /// The instant of a time of day. A time that summer time skips or repeats is resolved as mktime does.
    func start(of time: CivilTime) -> RecordingStart {
        if let offset = time.offsetSeconds {
            return RecordingStart(unixNanos: time.unixNanos(offsetSeconds: offset), zone: .offset(offset))
        }
        guard case .local = self else {
            return RecordingStart(
                unixNanos: time.unixNanos(offsetSeconds: offsetSeconds(atUnixSeconds: 0)), zone: self)
        }
        var parts = tm()
        parts.tm_year = Int32(time.year - 1900)
        parts.tm_mon = Int32(time.month - 1)
        parts.tm_mday = Int32(time.day)
        parts.tm_hour = Int32(time.hour)
        parts.tm_min = Int32(time.minute)
        parts.tm_sec = Int32(time.second)
        parts.tm_isdst = -1
        let seconds = Int64(mktime(&parts))
        return RecordingStart(unixNanos: seconds * 1_000_000_000 + Int64(time.nanosecond), zone: self)
    }
}

/// The instant at which a recording began, and the zone in which its times are written.
public struct RecordingStart: Equatable, Sendable {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    public var unixNanos: Int64
    public var zone: TimeZoneRule

    /// The time at a position in the recording: `2024-05-01T05:30:05.120+02:00` (RFC 3339).
    public func text(atSeconds position: Double) -> String {
        let milliseconds = unixNanos / 1_000_000 + Int64((position * 1000).rounded())
        let offset = zone.offsetSeconds(atUnixSeconds: Int(milliseconds / 1000))
        return Timestamp(unixNanos: milliseconds * 1_000_000).text(offsetSeconds: offset)
    }
}
