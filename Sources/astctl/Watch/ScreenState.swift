import SystemSupport
import Wire

/// What the lines of a screen are made for.
struct ScreenFrame {
    var width = 80
    var height = Int.max
    var palette = Palette.plain
    /// The zone of the times that the screen shows.
    var zone = TimeZoneRule.local
    /// Whether Ctrl-C ends the screen: not in a pipe, and not when it has ended.
    var isLive = true

    /// The same frame, narrower.
    func narrowed(to maximumWidth: Int) -> ScreenFrame {
        var frame = self
        frame.width = max(1, min(width, maximumWidth))
        return frame
    }
}

/// State that is collected from records and drawn on a terminal.
protocol ScreenState {
    /// The subscription that it needs.
    var parameters: SubscribeParameters { get }
    mutating func update(with record: LiveRecord)
    /// The daemon has ended, or is back.
    mutating func setConnected(_ isConnected: Bool)
    /// The connected daemon does not answer, and why; nil when it does.
    mutating func setHang(_ hang: String?)
    /// Lines without line breaks, at most `height - 1`, each at most `width` columns.
    func lines(_ frame: ScreenFrame) -> [String]
}
