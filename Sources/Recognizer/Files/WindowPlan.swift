/// Which windows a file is cut into: they begin at 0, hop, 2 hop, ..., and the last is the first that reaches
/// the file's last frame.
struct WindowPlan {
    let windowFrames: Int
    let hopFrames: Int
    /// Frame at which the next window begins.
    private(set) var start = 0
    private var reached = 0

    init(windowFrames: Int, hopFrames: Int) {
        self.windowFrames = windowFrames
        self.hopFrames = hopFrames
    }

    /// Whether the next window is complete with `frames` frames.
    func isComplete(frames: Int) -> Bool { frames >= start + windowFrames }

    /// Whether the file, which ends after `frames` frames, has another window (perhaps a padded one).
    func isDue(fileFrames frames: Int) -> Bool { start < frames && reached < frames }

    mutating func advance() {
        reached = start + windowFrames
        start += hopFrames
    }
}
