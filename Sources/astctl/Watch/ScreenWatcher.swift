import Wire

/// What a screen shows, and how.
protocol ScreenState {
    /// What is to be asked for.
    var parameters: SubscribeParameters { get }
    mutating func take(_ record: LiveRecord)
    /// Lines without line breaks, at most `height - 1`, each at most `width` columns.
    func lines(width: Int, height: Int, palette: Palette) -> [String]
}

/// A state on a terminal, redrawn in place until Ctrl-C.
struct ScreenWatcher<State: ScreenState> {
    let client: ControlClient
    let count: Int?

    func run(_ beginning: State) throws {
        var state = beginning
        let parameters = state.parameters
        _ = try client.request("subscribe") { parameters.writeMembers(to: &$0) }
        var terminal = Terminal(output: .standard)
        Interrupt.catchSignals()
        try terminal.hideCursor()
        defer { terminal.showCursor() }
        try terminal.draw(state.lines)
        var predictions = 0
        while !Interrupt.isPending, predictions != count {
            if let record = try client.nextRecord(withinMilliseconds: 250) {
                state.take(record)
                if case .prediction = record { predictions += 1 }
            } else if !terminal.isResized {
                continue
            }
            try terminal.draw(state.lines)
        }
    }
}
