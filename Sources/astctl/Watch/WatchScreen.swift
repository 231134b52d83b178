import TextSupport
import Wire

/// The lines that `watch` draws: a pure function of its state and the size of the terminal.
struct WatchScreen {
    /// Lines without line breaks, at most `height - 1`, each at most 80 and at most `width` columns.
    let lines: [String]

    private static let maximumWidth = 80
    /// Lowest level that the meter shows, in dB relative to full scale.
    private static let floorDBFS = -60.0

    /// - Parameters:
    ///   - width: Columns of the terminal.
    ///   - height: Rows of the terminal.
    init(_ state: WatchState, width: Int, height: Int, palette: Palette = .plain) {
        let width = max(1, min(width, Self.maximumWidth))
        let room = max(1, height - 1)
        let isRoomy = room >= 6
        let head = isRoomy ? [Self.title(state, width), Self.moment(state, width, palette), ""] : []
        let foot = room >= 2 ? (isRoomy ? [""] : []) + [Self.note(state, width, palette)] : []
        let scores = (state.prediction?.labels ?? []).prefix(max(0, room - head.count - foot.count))
        lines = head + scores.map { Self.row($0, width, palette) } + foot
    }

    static func title(_ state: WatchState, _ width: Int) -> String {
        let names = state.adapters.joined(separator: ", ")
        let adapter = state.adapters == [AdapterRecord.baseName] ? "" : " + \(names)"
        let times = "window \(Text.number(state.windowSeconds)) s, hop \(Text.number(state.hopSeconds)) s"
        return Text.truncated("\(Text.printable(state.model + adapter))  \(times)", to: width)
    }

    /// What is shown before the first window.
    static func waiting(_ state: WatchState, _ width: Int) -> String {
        let source = state.source?.state ?? .healthy
        let reason = source == .healthy ? "" : ": the source is \(source.rawValue)"
        return Text.truncated("waiting for the first window\(reason)", to: width)
    }

    /// Time, latency and level.
    private static func moment(_ state: WatchState, _ width: Int, _ palette: Palette) -> String {
        guard let prediction = state.prediction else { return waiting(state, width) }
        let clock = prediction.time.description.dropFirst(11)
        let latency = "\(Text.number(prediction.latencyMs.rounded())) ms late"
        let level = prediction.levelDBFS.map { FixedDecimals.text($0, decimals: 1) ?? "?" } ?? "silent"
        let text = "\(clock)  \(latency)  \(Text.paddedLeft(level, to: 6)) dBFS "
        let meterWidth = width - text.count
        guard meterWidth >= 4 else { return Text.truncated(text, to: width) }
        let loudness = ((prediction.levelDBFS ?? floorDBFS) - floorDBFS) / -floorDBFS
        let colour: Palette.Colour = loudness > 0.95 ? .red : loudness > 0.8 ? .yellow : .green
        return text + palette.paint(Bar.text(loudness, width: meterWidth), colour)
    }

    private static func row(_ entry: ScoredLabel, _ width: Int, _ palette: Palette) -> String {
        let labelWidth = max(1, min(30, width / 2 - 4))
        let label = Text.padded(Text.printable(entry.label), to: labelWidth)
        let score = FixedDecimals.text(Double(entry.score), decimals: 3) ?? "?"
        let text = "\(label) \(Text.paddedLeft(score, to: 6)) "
        guard width - text.count >= 4 else { return Text.truncated(text, to: width) }
        return text + palette.paint(Bar.text(Double(entry.score), width: width - text.count), .cyan)
    }

    /// Problems, the most serious first, and the events in progress.
    static func note(_ state: WatchState, _ width: Int, _ palette: Palette) -> String {
        var parts: [String] = []
        if let trouble = state.trouble { parts.append(trouble) }
        if state.lostRecords > 0 { parts.append("\(state.lostRecords) records lost") }
        if state.gaps > 0 {
            parts.append("\(state.gaps) gap\(state.gaps == 1 ? "" : "s"), \(state.gapSamples) samples")
        }
        let hasProblems = !parts.isEmpty
        if !state.events.isEmpty {
            parts.append("now: " + state.events.map(\.label).joined(separator: ", "))
        }
        let allIsWell = state.prediction == nil ? "Ctrl-C to quit" : "no problems; Ctrl-C to quit"
        let text = parts.isEmpty ? allIsWell : parts.joined(separator: "; ")
        let line = Text.truncated(Text.printable(text), to: width)
        return hasProblems ? palette.paint(line, .yellow) : line
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
