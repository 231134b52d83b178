import TextSupport
import Wire

/// State that is collected from records and drawn on a terminal.
protocol ScreenState {
    /// The subscription that it needs.
    var parameters: SubscribeParameters { get }
    mutating func update(with record: LiveRecord)
    /// Lines without line breaks, at most `height - 1`, each at most `width` columns.
    func lines(width: Int, height: Int, palette: Palette) -> [String]
}

/// Draws a state on a terminal, in place, until Ctrl-C.
struct ScreenWatcher<State: ScreenState> {
    let client: ControlClient
    let count: Int?

    func run(_ initial: State) throws {
        var state = initial
        let parameters = state.parameters
        _ = try client.request(.subscribe) { parameters.writeMembers(to: &$0) }
        var terminal = Terminal(output: .standard)
        Interrupt.catchSignals()
        try terminal.hideCursor()
        defer { terminal.showCursor() }
        try terminal.draw(state.lines)
        var predictions = 0
        while !Interrupt.isPending, predictions != count {
            if let record = try client.nextRecord(withinMilliseconds: 250) {
                state.update(with: record)
                if case .prediction = record { predictions += 1 }
            } else if !terminal.isResized {
                continue
            }
            try terminal.draw(state.lines)
        }
    }
}
