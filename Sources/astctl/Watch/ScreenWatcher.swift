import DaemonClient
import TextSupport
import Wire

/// Draws a state on a terminal, in place, until Ctrl-C.
struct ScreenWatcher {
    let subscription: LiveSubscription
    let count: Int?

    func run(_ initial: some ScreenState) throws {
        var state = initial
        var terminal = Terminal(output: .standard)
        Interrupt.catchSignals()
        try terminal.hideCursor()
        defer { terminal.showCursor() }
        try terminal.draw(state.lines)
        var predictions = 0
        var hang: String?
        while !Interrupt.isPending, predictions != count {
            let next = try subscription.next(withinMilliseconds: 250)
            let isHangChanged = subscription.hang != hang
            hang = subscription.hang
            if isHangChanged { state.setHang(hang) }
            switch next {
            case .record(let record?, _):
                state.update(with: record)
                if case .prediction = record { predictions += 1 }
            case .interrupted: state.setConnected(false)
            case .resumed(let hello, _):
                state.update(with: .hello(hello))
                state.setConnected(true)
            case .record(nil, _), .nothing:
                if !terminal.isResized && !isHangChanged { continue }
            }
            try terminal.draw(state.lines)
        }
        terminal.isLive = false
        try terminal.draw(state.lines)
    }
}
