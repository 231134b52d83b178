private import Glibc

/// How a time of day relates to UTC.
public enum TimeZoneRule: Equatable, Sendable {
    /// Seconds east of UTC.
    case offset(Int)
    /// The zone of this process, with its summer time: `$TZ`, else `/etc/localtime`.
    case local

    /// Seconds east of UTC at an instant.
    public func offsetSeconds(atUnixSeconds seconds: Int) -> Int {
        switch self {
        case .offset(let offset): return offset
        case .local:
            var (time, parts) = (time_t(seconds), tm())
            return localtime_r(&time, &parts) == nil ? 0 : parts.tm_gmtoff
        }
    }
}
