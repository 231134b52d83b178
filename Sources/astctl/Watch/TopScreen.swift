import TextSupport
import Wire

/// The lines that `top` draws: a pure function of its state and the size of the terminal.
struct TopScreen {
    /// Lines without line breaks, at most `height - 1`, each at most 80 and at most `width` columns.
    let lines: [String]

    private static let maximumWidth = 80
    private static let figures = [("SCORE", 7), ("MEAN", 7), ("PEAK", 7), ("EVENTS", 7)]
    private static let lastWidth = 10

    init(_ state: TopState, width: Int, height: Int, palette: Palette = .plain) {
        let width = max(1, min(width, Self.maximumWidth))
        let room = max(1, height - 1)
        let labelWidth = max(1, width - Self.lastWidth - Self.figures.reduce(0) { $0 + $1.1 })
        let heading =
            Text.padded("LABEL", to: labelWidth)
            + Self.figures.map { Text.paddedLeft($0.0, to: $0.1) }.joined()
            + Text.paddedLeft("LAST", to: Self.lastWidth)
        let head =
            [
                WatchScreen.title(state.watch, width), Self.pace(state, width),
                WatchScreen.note(state.watch, width, palette), "", Text.truncated(heading, to: width),
            ].prefix(room)
        lines =
            head
            + state.sorted.prefix(room - head.count).map { row in
                let name = state.watch.adapters.count == 1 ? row.label : "\(row.adapter): \(row.label)"
                return Self.line(name, row, labelWidth, width, palette)
            }
    }

    /// Time, state of the source, windows per second, latency.
    private static func pace(_ state: TopState, _ width: Int) -> String {
        guard let prediction = state.watch.prediction else { return WatchScreen.waiting(state.watch, width) }
        let clock = prediction.time.description.dropFirst(11).prefix(8)
        let rate = state.rate.map { "\(Text.number($0)) windows/s" } ?? "one window"
        let source = state.watch.source?.state.rawValue ?? "healthy"
        var delay = "\(whole(prediction.latencyMs)) ms late"
        if let mean = state.meanLatencyMs { delay += ", mean \(whole(mean))" }
        if let pass = prediction.passMs { delay += ", pass \(whole(pass))" }
        return Text.truncated("\(clock)  source \(source)  \(rate)  \(delay)", to: width)
    }

    private static func whole(_ milliseconds: Double) -> String { Text.number(milliseconds.rounded()) }

    private static func line(
        _ name: String, _ row: TopState.Row, _ labelWidth: Int, _ width: Int, _ palette: Palette
    ) -> String {
        func score(_ value: Float) -> String { FixedDecimals.text(Double(value), decimals: 3) ?? "?" }
        let figures = [score(row.score), score(row.mean), score(row.peak), "\(row.events)"]
        let last =
            row.isActive ? "now" : row.lastEnd.map { String($0.description.dropFirst(11).prefix(8)) } ?? "-"
        let text =
            Text.padded(Text.printable(name), to: labelWidth)
            + zip(figures, Self.figures).map { Text.paddedLeft($0, to: $1.1) }.joined()
            + Text.paddedLeft(last, to: lastWidth)
        let line = Text.truncated(text, to: width)
        return row.isActive ? palette.paint(line, .cyan) : line
    }
}
