import SystemSupport
import TextSupport
import Wire

/// The lines that `top` draws: a pure function of its state and the size of the terminal.
struct TopScreen {
    /// Lines without line breaks, at most `height - 1`, each at most 120 and at most `width` columns.
    let lines: [String]

    /// A column of figures, right-aligned behind the label.
    enum Column: String, CaseIterable {
        case score = "SCORE"
        case mean = "MEAN"
        case peak = "PEAK"
        case events = "EVENTS"
        case last = "LAST"

        /// With the space before it.
        var width: Int {
            switch self {
            case .score, .mean, .peak: 7
            case .events: 8
            case .last: 10
            }
        }

        /// The order in which a narrow terminal goes without them. MEAN stays: it orders the rows.
        static let dispensable: [Column] = [.peak, .score, .events, .last]
    }

    private static let maximumWidth = 120
    /// As long as a label is cut to less than this, columns are left out.
    private static let readableLabel = 30
    /// Names of sources in front of labels are cut to this.
    private static let longestSource = 16

    init(_ state: TopState, _ frame: ScreenFrame) {
        let frame = frame.narrowed(to: Self.maximumWidth)
        let room = max(1, frame.height - 1)
        let sources = Text.shortened(state.sources.compactMap(\.source), to: Self.longestSource)
        let rows = state.sorted.map { row in
            let owners = [
                state.sources.count > 1 ? row.source.map { sources[$0] ?? $0 } : nil,
                state.hasSeveralAdapters ? row.adapter : nil,
            ]
            let name = (owners.compactMap { $0 } + [row.label]).joined(separator: ": ")
            return (name: Text.printable(name), row: row)
        }
        let longest = max(5, rows.map(\.name.count).max() ?? 0)
        let columns = Self.columns(width: frame.width, longestLabel: longest)
        let labelWidth = max(1, min(longest, frame.width - Self.width(of: columns)))
        let heading =
            Text.padded("LABEL", to: labelWidth)
            + columns.map { Text.paddedLeft($0.rawValue, to: $0.width) }.joined()
        let head =
            [
                WatchScreen.title(state.watch, frame.width), Self.pace(state, frame),
                WatchScreen.note(state.watch, trouble: state.trouble, frame), "",
                Text.truncated(heading, to: frame.width),
            ].prefix(room)
        lines =
            head
            + rows.prefix(room - head.count).map { name, row in
                let figures = columns.map { Text.paddedLeft(Self.text(row, $0, frame), to: $0.width) }
                let line = Text.truncated(
                    Text.padded(name, to: labelWidth) + figures.joined(), to: frame.width)
                return row.isActive ? frame.palette.paint(line, .cyan) : line
            }
    }

    /// The columns that leave enough room for the labels.
    static func columns(width: Int, longestLabel: Int) -> [Column] {
        var columns = Column.allCases
        for column in Column.dispensable
        where width - Self.width(of: columns) < min(longestLabel, readableLabel) {
            columns.removeAll { $0 == column }
        }
        return columns
    }

    private static func width(of columns: [Column]) -> Int { columns.reduce(0) { $0 + $1.width } }

    /// Time, state of the source, windows per second, latency.
    private static func pace(_ state: TopState, _ frame: ScreenFrame) -> String {
        guard let prediction = state.watch.prediction else {
            return state.sources.count < 2
                ? WatchScreen.waiting(state.watch, frame.width)
                : Text.truncated("waiting for the first window: \(sources(state))", to: frame.width)
        }
        var parts = [LocalTime.clock(prediction.time, frame.zone), sources(state)]
        if let rate = state.rate.map(Text.number) {
            parts.append("\(rate) window\(rate == "1" ? "" : "s")/s")
        }
        let latency = "latency \(whole(prediction.latencyMs)) ms"
        let details = [
            state.meanLatencyMs.map { "mean \(whole($0))" },
            prediction.passMs.map { "inference \(whole($0))" },
        ]
        let detailed = latency + " (" + details.compactMap { $0 }.joined(separator: ", ") + ")"
        let line = Text.fitting(parts + [detailed], to: frame.width)
        return line.hasSuffix(detailed) ? line : Text.fitting(parts + [latency], to: frame.width)
    }

    /// `source healthy`, or with several `7 of 8 sources healthy`.
    private static func sources(_ state: TopState) -> String {
        guard state.sources.count > 1 else {
            return "source \(state.watch.source?.state.rawValue ?? "healthy")"
        }
        let healthy = state.sources.count { $0.state == .healthy }
        return "\(healthy) of \(state.sources.count) sources healthy"
    }

    private static func whole(_ milliseconds: Double) -> String { Text.number(milliseconds.rounded()) }

    private static func text(_ row: TopState.Row, _ column: Column, _ frame: ScreenFrame) -> String {
        func score(_ value: Float) -> String { FixedDecimals.text(Double(value), decimals: 3) ?? "?" }
        return switch column {
        case .score: score(row.score)
        case .mean: score(row.mean)
        case .peak: score(row.peak)
        case .events: "\(row.events)"
        case .last:
            row.isActive ? "now" : row.lastEnd.map { LocalTime.clock($0, frame.zone) } ?? "-"
        }
    }
}
