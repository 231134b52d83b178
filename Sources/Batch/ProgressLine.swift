private import Wire

#if canImport(Glibc)
    private import Glibc
#else
    private import Musl
#endif

/// One line on standard error that says how far a batch is, redrawn at most ten times a second.
public final class ProgressLine {
    private let isVisible: Bool
    private let began = ContinuousClock.now
    private var drawn = ContinuousClock.now
    private var isDrawn = false
    private var files = 0
    private var finishedSeconds = 0.0
    private var currentSeconds = 0.0
    private var name = ""

    public init(isVisible: Bool) { self.isVisible = isVisible }

    /// The next file begins.
    public func begin(_ path: String) {
        files += 1
        finishedSeconds += currentSeconds
        currentSeconds = 0
        name = String((path.split(separator: "/").last ?? "").suffix(30))
    }

    /// So many seconds of the current file were read.
    public func advance(toSeconds seconds: Double) {
        currentSeconds = seconds
        let now = ContinuousClock.now
        guard isVisible, now - drawn > .milliseconds(100) else { return }
        drawn = now
        let elapsed = (now - began) / .seconds(1)
        let total = finishedSeconds + currentSeconds
        let speed = FixedDecimals.text(total / max(elapsed, 0.001), decimals: 1) ?? "?"
        let minutes = FixedDecimals.text(total / 60, decimals: 1) ?? "?"
        draw("\rfile \(files)  \(name)  \(minutes) min of audio  \(speed) x real time\u{1B}[K")
        isDrawn = true
    }

    /// Makes room for a record.
    public func clear() {
        guard isDrawn else { return }
        draw("\r\u{1B}[K")
        isDrawn = false
    }

    private func draw(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
