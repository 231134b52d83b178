import SystemSupport
import TextSupport
import Wire

/// The lines that `watch` draws: a pure function of its state and the size of the terminal.
struct WatchScreen {
    /// Lines without line breaks, at most `height - 1`, each at most 80 and at most `width` columns.
    let lines: [String]

    private static let maximumWidth = 80
    /// Lowest level that the meter shows, in dB relative to full scale.
    private static let floorDBFS = -60.0

    init(_ state: WatchState, _ frame: ScreenFrame) {
        let frame = frame.narrowed(to: Self.maximumWidth)
        let room = max(1, frame.height - 1)
        let isRoomy = room >= 6
        let head = isRoomy ? [Self.title(state, frame.width), Self.moment(state, frame), ""] : []
        let foot = room >= 2 ? (isRoomy ? [""] : []) + [Self.note(state, trouble: state.trouble, frame)] : []
        let scores = (state.prediction?.labels ?? []).prefix(max(0, room - head.count - foot.count))
        lines = head + scores.map { Self.row($0, frame) } + foot
    }

    /// The model with its adapters, and the times of its windows.
    static func title(_ state: WatchState, _ width: Int) -> String {
        let window = "window \(Text.number(state.windowSeconds)) s, hop \(Text.number(state.hopSeconds)) s"
        return Text.fitting([Text.printable(classifier(state)), window], to: width)
    }

    /// `model default`, `model default, adapter alarms`, `model default alone and with adapter alarms`.
    private static func classifier(_ state: WatchState) -> String {
        let adapters = state.adapters.filter { $0 != AdapterRecord.baseName }
        let names = (adapters.count == 1 ? "adapter " : "adapters ") + adapters.joined(separator: ", ")
        let model = "model \(state.model)"
        if adapters.isEmpty { return model }
        // The model alone is one of the variants, whose labels are marked `base`.
        let isBaseActive = adapters.count < state.adapters.count
        return isBaseActive ? "\(model) alone (base) and with \(names)" : "\(model), \(names)"
    }

    /// What is shown before the first window.
    static func waiting(_ state: WatchState, _ width: Int) -> String {
        let source = state.source?.state ?? .healthy
        if source == .ended { return "the source has ended" }
        let reason = source == .healthy ? "" : ": the source is \(source.rawValue)"
        return Text.truncated("waiting for the first window\(reason)", to: width)
    }

    /// Time, latency and level.
    private static func moment(_ state: WatchState, _ frame: ScreenFrame) -> String {
        guard let prediction = state.prediction else { return waiting(state, frame.width) }
        let clock = LocalTime.fineClock(prediction.time, frame.zone)
        let latency = frame.width < 60 ? "" : "  latency \(Text.number(prediction.latencyMs.rounded())) ms"
        let level =
            prediction.levelDBFS.map { (FixedDecimals.text($0, decimals: 1) ?? "?") + " dBFS" } ?? "silence"
        let text = "\(clock)\(latency)  \(Text.paddedLeft(level, to: 11)) "
        let meterWidth = frame.width - text.count
        guard meterWidth >= 4 else { return Text.trimmed(Text.truncated(text, to: frame.width)) }
        let loudness = ((prediction.levelDBFS ?? floorDBFS) - floorDBFS) / -floorDBFS
        let colour: Palette.Colour = loudness > 0.95 ? .red : loudness > 0.8 ? .yellow : .green
        return line(text, Bar.text(loudness, width: meterWidth), colour, frame.palette)
    }

    private static func row(_ entry: ScoredLabel, _ frame: ScreenFrame) -> String {
        let width = frame.width
        // A narrow terminal shortens the bar first, to 10 columns, then the label.
        let labelWidth = max(1, min(30, max(width / 2 - 4, width - 18)))
        let label = Text.padded(Text.printable(entry.label), to: labelWidth)
        let score = FixedDecimals.text(Double(entry.score), decimals: 3) ?? "?"
        let text = "\(label) \(Text.paddedLeft(score, to: 6)) "
        guard width - text.count >= 4 else { return Text.trimmed(Text.truncated(text, to: width)) }
        return line(text, Bar.text(Double(entry.score), width: width - text.count), .cyan, frame.palette)
    }

    /// A text that is followed by a bar, without a space at the end when the bar is empty.
    private static func line(
        _ text: String, _ bar: String, _ colour: Palette.Colour, _ palette: Palette
    ) -> String {
        bar.isEmpty ? Text.trimmed(text) : text + palette.paint(bar, colour)
    }

    /// Problems, the most serious first, and the events in progress.
    ///
    /// - Parameter trouble: Why nothing, or not everything, is classified.
    static func note(_ state: WatchState, trouble: String?, _ frame: ScreenFrame) -> String {
        var parts: [String] = []
        if let trouble { parts.append(trouble) }
        if state.lostRecords > 0 { parts.append("\(state.lostRecords) records lost") }
        if state.gaps > 0 {
            let seconds = Text.number(max(0.01, state.gapSeconds))
            parts.append(
                state.gaps == 1 ? "1 gap of \(seconds) s" : "\(state.gaps) gaps, \(seconds) s in all")
        }
        let hasProblems = !parts.isEmpty
        if !state.events.isEmpty {
            parts.append("now: " + state.events.map(\.label).joined(separator: ", "))
        }
        if parts.isEmpty && state.prediction != nil { parts.append("no problems") }
        if !hasProblems && state.events.isEmpty && frame.isLive { parts.append("Ctrl-C to quit") }
        let line = Text.truncated(Text.printable(parts.joined(separator: "; ")), to: frame.width)
        return hasProblems ? frame.palette.paint(line, .yellow) : line
    }
}

/// A horizontal bar of Unicode blocks, with a resolution of an eighth of a column.
enum Bar {
    private static let eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

    /// - Parameters:
    ///   - fraction: Filled part of the width, clamped to 0…1; NaN is empty.
    ///   - width: Columns of a full bar.
    static func text(_ fraction: Double, width: Int) -> String {
        guard fraction > 0, width > 0 else { return "" }
        let filled = Int((min(1, fraction) * Double(width * 8)).rounded())
        return String(repeating: "█", count: filled / 8) + eighths[filled % 8]
    }
}
