public import TextSupport
public import Wire

/// The events of one label in a span of time.
public struct EventSummary: Equatable, Sendable {
    public var daemon: String
    public var label: String
    /// Begin of the day or hour.
    public var begin: Timestamp
    public var count: Int
    /// Sum and maximum of the durations in seconds; an event in progress counts with 0.
    public var totalSeconds: Double
    public var longestSeconds: Double
    /// Highest score.
    public var peakScore: Float
}

extension EventSummary: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("begin", begin.description)
        json.member("daemon", daemon)
        json.member("label", label)
        json.member("count", count)
        json.member("total_seconds", seconds: totalSeconds)
        json.member("longest_seconds", seconds: longestSeconds)
        json.member("peak_score", peakScore)
    }
}

extension HistoryReader {
    /// The events per daemon, label and span of time, in this order of time, daemon and label.
    ///
    /// SQLite would sort all events in a temporary tree to group them, which takes five times as long as to
    /// read them. Here each is added to the sums of its group.
    ///
    /// - Parameters:
    ///   - hours: Length of a span: 1, or 24 for days.
    ///   - offsetSeconds: East of UTC: where days begin.
    public func summary(
        _ filter: EventFilter, hours: Int, offsetSeconds: Int
    ) throws(HistoryFailure) -> [EventSummary] {
        let (condition, values) = filter.condition
        let (span, offset) = (Int64(hours) * 3_600_000, Int64(offsetSeconds) * 1000)
        var sums: [Group: Sums] = [:]
        do throws(SQLiteError) {
            try database.query(
                "SELECT begin_ms, end_ms, daemon, label, peak FROM events \(condition)", values
            ) {
                row in
                guard let begin = row.integer(0) else { return }
                let position = (begin + offset).dividedDown(by: span)
                let group = Group(position: position, daemon: row.text(2) ?? "", label: row.text(3) ?? "")
                sums[group, default: Sums()].add(
                    milliseconds: row.integer(1).map { $0 - begin }, peak: row.real(4))
            }
        } catch {
            throw HistoryFailure(description: error.description)
        }
        return sums.sorted { $0.key < $1.key }.map { group, sums in
            EventSummary(
                daemon: group.daemon, label: group.label,
                begin: Timestamp(milliseconds: group.position * span - offset), count: sums.count,
                totalSeconds: Double(sums.totalMilliseconds) / 1000,
                longestSeconds: Double(sums.longestMilliseconds) / 1000,
                peakScore: sums.peak.map { Float($0) } ?? .nan)
        }
    }
}

/// What the events of one line of a summary have in common.
private struct Group: Hashable, Comparable {
    /// Number of the span since 1970, in local time.
    var position: Int64
    var daemon: String
    var label: String

    static func < (a: Group, b: Group) -> Bool {
        (a.position, a.daemon, a.label) < (b.position, b.daemon, b.label)
    }
}

private struct Sums {
    var count = 0
    var totalMilliseconds: Int64 = 0
    var longestMilliseconds: Int64 = 0
    var peak: Double?

    /// - Parameter milliseconds: nil for an event in progress.
    mutating func add(milliseconds: Int64?, peak score: Double?) {
        count += 1
        totalMilliseconds += milliseconds ?? 0
        longestMilliseconds = max(longestMilliseconds, milliseconds ?? 0)
        if let score { peak = max(peak ?? score, score) }
    }
}

extension Int64 {
    fileprivate func dividedDown(by divisor: Int64) -> Int64 {
        self / divisor - (self % divisor < 0 ? 1 : 0)
    }
}
