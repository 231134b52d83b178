private import SystemSupport
import Glibc

/// A terminal on which a few lines are redrawn in place.
struct Terminal {
    private let output: Output
    private let palette: Palette
    private var drawnLines = 0
    private var drawnSize: (width: Int, height: Int)?
    /// Whether Ctrl-C ends the drawing.
    var isLive = true

    init(output: Output) {
        self.output = output
        palette =
            Environment.process["NO_COLOR"] == nil && Environment.process["TERM"] != "dumb" ? .ansi : .plain
    }

    /// Whether the size has changed since the last drawing.
    var isResized: Bool {
        guard let drawnSize else { return false }
        return drawnSize != size
    }

    func hideCursor() throws {
        try output.write("\u{1B}[?25l")
    }

    func showCursor() {
        try? output.write("\u{1B}[?25h")
    }

    /// Replaces the lines of the last drawing.
    mutating func draw(_ makeLines: (ScreenFrame) -> [String]) throws {
        let size = size
        var frame = ""
        if isResized {
            frame = "\u{1B}[2J\u{1B}[H"  // Lines may have wrapped: clear the screen.
        } else if drawnLines > 0 {
            frame = "\u{1B}[\(drawnLines)A\r"
        }
        let lines = makeLines(
            ScreenFrame(width: size.width, height: size.height, palette: palette, isLive: isLive))
        for line in lines { frame += line + "\u{1B}[K\r\n" }
        try output.write(frame + "\u{1B}[J")
        drawnLines = lines.count
        drawnSize = size
    }

    private var size: (width: Int, height: Int) {
        var size = winsize()
        guard ioctl(output.descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}

/// Whether text is coloured.
enum Palette {
    case plain
    case ansi

    enum Colour: Int {
        case red = 31
        case green = 32
        case yellow = 33
        case cyan = 36
    }

    func paint(_ text: String, _ colour: Colour) -> String {
        switch self {
        case .plain: text
        case .ansi: text.isEmpty ? "" : "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
        }
    }
}
