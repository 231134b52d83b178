import DaemonClient
import TextSupport
import Wire

/// The state that `watch` collects from the records of several sources.
struct SeveralSources {
    /// In the order of the daemon's settings.
    private(set) var names: [String] = []
    private(set) var states: [String: WatchState] = [:]
    private let filter: WatchFilter
    /// What the states have in common.
    private(set) var common: WatchState
    private var hello: Hello

    init(hello: Hello, filter: WatchFilter) {
        self.filter = filter
        self.hello = hello
        common = WatchState(hello: hello, filter: filter)
        for name in hello.sources { state(of: name) { _ in } }
    }

    private mutating func state(of name: String, _ change: (inout WatchState) -> Void) {
        if !names.contains(name) { names.append(name) }
        change(&states[name, default: WatchState(hello: hello, filter: filter)])
    }
}

extension SeveralSources: ScreenState {
    mutating func update(with record: LiveRecord) {
        if case .hello(let hello) = record {
            self.hello = hello
            // A daemon that is back may have other settings.
            names = names.filter(hello.sources.contains)
            for name in hello.sources { state(of: name) { _ in } }
        }
        if let name = record.sourceName {
            state(of: name) { $0.update(with: record) }
        } else {
            common.update(with: record)
            for name in names { states[name]?.update(with: record) }
        }
    }

    mutating func setConnected(_ isConnected: Bool) {
        common.setConnected(isConnected)
        for name in names { states[name]?.setConnected(isConnected) }
    }

    mutating func setHang(_ hang: String?) { common.setHang(hang) }

    var parameters: SubscribeParameters { common.parameters }

    func lines(_ frame: ScreenFrame) -> [String] { SeveralSourcesScreen(self, frame).lines }
}

/// The lines that `watch` draws for several sources, one for each.
struct SeveralSourcesScreen {
    /// Lines without line breaks, at most `height - 1`, each at most 80 and at most `width` columns.
    let lines: [String]

    private static let maximumWidth = 80
    private static let longestName = 16

    init(_ sources: SeveralSources, _ frame: ScreenFrame) {
        let frame = frame.narrowed(to: Self.maximumWidth)
        let room = max(1, frame.height - 1)
        let isRoomy = room >= sources.names.count + 4
        let nameWidth = min(Self.longestName, sources.names.map(\.count).max() ?? 0)
        let names = Text.shortened(sources.names, to: nameWidth)
        let rows = sources.names.compactMap { name in
            sources.states[name].map { Self.row(names[name] ?? name, $0, nameWidth, frame) }
        }
        let head = isRoomy ? [WatchScreen.title(sources.common, frame.width), ""] : []
        let foot = room > rows.count ? (isRoomy ? [""] : []) + [Self.note(sources, frame)] : []
        lines = head + rows.prefix(room - foot.count) + foot
    }

    /// Name, time, level and labels of the last window; or what is wrong with the source.
    private static func row(
        _ name: String, _ state: WatchState, _ nameWidth: Int, _ frame: ScreenFrame
    ) -> String {
        let start = Text.padded(Text.truncated(Text.printable(name), to: nameWidth), to: nameWidth) + "  "
        func line(_ text: String) -> String { Text.truncated(Text.printable(start + text), to: frame.width) }
        if let source = state.source, !source.isFine {
            let reason = source.message.map { ": " + $0 } ?? ""
            let state = source.state == .healthy ? "listening" : source.state.rawValue
            return frame.palette.paint(line(state + reason), .yellow)
        }
        guard let prediction = state.prediction else { return line("waiting for the first window") }
        let level = prediction.levelDBFS.flatMap { FixedDecimals.text($0, decimals: 1) } ?? "silence"
        let labels = prediction.labels.map { entry in
            "\(entry.label) \(FixedDecimals.text(Double(entry.score), decimals: 3) ?? "?")"
        }
        let clock = LocalTime.clock(prediction.time, frame.zone)
        let figures = "\(clock) \(Text.paddedLeft(level, to: 7))  "
        let list = Text.list(labels, to: max(0, frame.width - start.count - figures.count))
        let text = line(figures + list)
        return state.events.isEmpty ? text : frame.palette.paint(text, .cyan)
    }

    /// Losses, and the events in progress with their sources.
    private static func note(_ sources: SeveralSources, _ frame: ScreenFrame) -> String {
        var parts: [String] = []
        let states = sources.names.compactMap { name in sources.states[name].map { (name, $0) } }
        if let trouble = sources.common.trouble { parts.append(trouble) }
        if sources.common.lostRecords > 0 { parts.append("\(sources.common.lostRecords) records lost") }
        let gaps = states.reduce(0) { $0 + $1.1.gaps }
        if gaps > 0 {
            let seconds = Text.number(max(0.01, states.reduce(0) { $0 + $1.1.gapSeconds }))
            parts.append(gaps == 1 ? "1 gap of \(seconds) s" : "\(gaps) gaps, \(seconds) s in all")
        }
        let hasProblems = !parts.isEmpty
        let events = states.flatMap { name, state in state.events.map { "\($0.label) in \(name)" } }
        if !events.isEmpty {
            let now = (parts.isEmpty ? "" : parts.joined(separator: "; ") + "; ") + "now: "
            parts = [now + Text.list(events, to: max(0, frame.width - now.count))]
        }
        if !hasProblems && events.isEmpty && frame.isLive { parts.append("Ctrl-C to quit") }
        let line = Text.truncated(Text.printable(parts.joined(separator: "; ")), to: frame.width)
        return hasProblems ? frame.palette.paint(line, .yellow) : line
    }
}
