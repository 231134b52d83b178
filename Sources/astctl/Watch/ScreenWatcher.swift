import Wire

/// `watch` on a terminal: the newest scores, redrawn in place until Ctrl-C.
struct ScreenWatcher {
    let client: ControlClient
    let filter: WatchFilter
    let count: Int?

    func run() throws {
        let parameters = filter.screenParameters
        _ = try client.request("subscribe") { parameters.writeMembers(to: &$0) }
        var state = WatchState(hello: client.hello, filter: filter)
        var terminal = Terminal(output: .standard)
        Interrupt.catchSignals()
        try terminal.hideCursor()
        defer { terminal.showCursor() }
        try terminal.draw { WatchScreen(state, width: $0, height: $1, palette: $2).lines }
        var predictions = 0
        while !Interrupt.isPending, predictions != count {
            if case .object(let object) = try client.next(withinMilliseconds: 250),
                case .object(let params)? = object.members["params"], let record = try? LiveRecord(params)
            {
                state.take(record)
                if case .prediction = record { predictions += 1 }
            } else if !terminal.isResized {
                continue
            }
            try terminal.draw { WatchScreen(state, width: $0, height: $1, palette: $2).lines }
        }
    }
}
