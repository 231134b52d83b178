internal import TextSupport
internal import Wire

/// The scores of a span of time, in steps of some minutes, for a heat map.
struct MinutesQuery: Equatable, Sendable {
    var begin: Timestamp
    var end: Timestamp
    var stepMinutes: Int
    /// Empty: all.
    var labels: Set<String>
    var daemons: Set<String>

    static let maximumDays = 100
    static let maximumPoints = 200_000

    /// - Throws: ``PageRefusal``
    init(_ target: PageTarget) throws(PageRefusal) {
        let now = Timestamp.now
        let parameters = try PageParameters(target, names: PageParameters.filterNames + ["step"], now: now)
        let filter = try parameters.filter()
        end = filter.until ?? now
        begin = filter.since ?? Timestamp(unixNanos: end.unixNanos - 86_400_000_000_000)
        stepMinutes = try parameters.count("step", in: 1...1440) ?? 1
        (labels, daemons) = (Set(filter.labels), Set(filter.daemons))
        guard begin.unixNanos < end.unixNanos else { throw .bad("since must be before until") }
        // In nanoseconds, some centuries are more than 64 bits.
        guard (end.milliseconds - begin.milliseconds) / 86_400_000 < Self.maximumDays else {
            throw .bad("at most \(Self.maximumDays) days can be asked for at once")
        }
    }
}

/// The scores of one label, or the level in dB.
struct MinuteSeries: Equatable, Sendable {
    var daemon: String
    var source: String?
    var channel: Int?
    var adapter: String?
    /// nil: the level.
    var label: String?
    /// By step, in order: its number, the windows, their sum and their highest value.
    var points: [(step: Int, windows: Int64, sum: Double, peak: Double)] = []

    static func == (a: MinuteSeries, b: MinuteSeries) -> Bool {
        (a.daemon, a.source, a.channel, a.adapter, a.label) == (
            b.daemon, b.source, b.channel, b.adapter, b.label
        )
            && a.points.elementsEqual(b.points, by: ==)
    }

    fileprivate mutating func add(_ step: Int, _ windows: Int64, _ sum: Double, _ peak: Double) {
        // Rows come in the order of time.
        if let last = points.indices.last, points[last].step == step {
            points[last].windows += windows
            points[last].sum += sum
            points[last].peak = max(points[last].peak, peak)
        } else {
            points.append((step, windows, sum, peak))
        }
    }

    fileprivate var peak: Double { points.map(\.peak).max() ?? 0 }

    func write(to json: inout JSONWriter) {
        let decimals = label == nil ? 1 : 3
        json.object { json in
            json.member("daemon", daemon)
            json.member("source", source)
            json.member("channel", channel)
            json.member("adapter", adapter)
            json.member("label", label)
            json.key("at")
            json.array { json in for point in points { json.integer(point.step) } }
            json.key("mean")
            json.array { json in
                for point in points {
                    json.number(point.sum / Double(max(1, point.windows)), decimals: decimals)
                }
            }
            json.key("peak")
            json.array { json in for point in points { json.number(point.peak, decimals: decimals) } }
            json.key("windows")
            json.array { json in for point in points { json.integer(point.windows) } }
        }
    }
}

extension HistoryReader {
    /// The series of a span of time, those with the highest scores first; nil if they have too many points.
    ///
    /// SQLite reads the minutes in the order of time, from their primary key; they are grouped here.
    func minutes(_ query: MinutesQuery) throws(SQLiteError) -> [MinuteSeries]? {
        var series: [Int64: MinuteSeries] = [:]
        try database.query("SELECT id, daemon, source, channel, adapter, label FROM series") { row in
            guard let id = row.integer(0), let daemon = row.text(1) else { return }
            let label = row.text(5)
            guard query.daemons.isEmpty || query.daemons.contains(daemon),
                query.labels.isEmpty || label == nil || query.labels.contains(label ?? "")
            else { return }
            series[id] = MinuteSeries(
                daemon: daemon, source: row.text(2), channel: row.integer(3).map { Int($0) },
                adapter: row.text(4), label: label)
        }
        let begin = query.begin.milliseconds
        let step = Int64(query.stepMinutes) * 60_000
        try database.query(
            """
            SELECT begin_ms, series, windows, sum, peak FROM minutes WHERE begin_ms >= ? AND begin_ms < ?
            ORDER BY begin_ms
            """, [.integer(begin - begin % 60_000), .integer(query.end.milliseconds)]
        ) { row in
            guard let time = row.integer(0), let id = row.integer(1) else { return }
            series[id]?.add(
                Int(max(0, time - begin) / step), row.integer(2) ?? 0, row.real(3) ?? 0, row.real(4) ?? 0)
        }
        let used = series.values.filter { !$0.points.isEmpty }
        guard used.reduce(0, { $0 + $1.points.count }) <= MinutesQuery.maximumPoints else { return nil }
        return used.sorted { a, b in
            // The level comes last.
            guard (a.label == nil) == (b.label == nil) else { return a.label != nil }
            return a.peak != b.peak ? a.peak > b.peak : (a.daemon, a.label ?? "") < (b.daemon, b.label ?? "")
        }
    }
}
