private import Glibc
internal import SystemSupport
private import TextSupport

/// One line on standard error that shows how far a batch has come, redrawn at most ten times a second.
public final class ProgressBar {
    /// All files of a batch, and those that an interrupted run finished.
    struct Total {
        var files = 0
        var bytes: Int64 = 0
        var finishedBytes: Int64 = 0

        /// Stats every file of `queue` without opening it.
        init(_ queue: FileQueue, finished: FinishedFiles) {
            var finished = finished
            for item in queue {
                files += 1
                let size = ProgressBar.size(item.path)
                bytes += size
                if finished.remove(item.path) { finishedBytes += size }
            }
        }
    }

    private let isVisible: Bool
    private let now: () -> ContinuousClock.Instant
    private let write: (String) -> Void
    private var began: ContinuousClock.Instant
    private var drawn: ContinuousClock.Instant
    private var isDrawn = false
    /// `nil` where the list of files is still being written.
    private var total: Total?
    /// Finished files and their bytes, with those of the interrupted run.
    private var files = 0
    private var bytes: Int64 = 0
    /// Seconds of audio that this run has decoded.
    private var seconds = 0.0

    public convenience init(isVisible: Bool) {
        self.init(isVisible: isVisible, now: { .now }, write: Self.writeToStandardError)
    }

    init(isVisible: Bool, now: @escaping () -> ContinuousClock.Instant, write: @escaping (String) -> Void) {
        self.isVisible = isVisible
        self.now = now
        self.write = write
        began = now()
        drawn = began
    }

    /// Starts to measure time. Files that an interrupted run finished are counted, but not timed.
    func begin(_ queue: FileQueue, finished: FinishedFiles) {
        files = finished.files
        if isVisible && queue.canBeReadTwice { total = Total(queue, finished: finished) }
        bytes = total?.finishedBytes ?? 0
        began = now()
    }

    /// Counts a file and its seconds of audio.
    func finished(_ path: String, seconds: Double) {
        files += 1
        self.seconds += seconds
        if isVisible { bytes += Self.size(path) }
    }

    func draw(_ schedule: ConditionLocked<BatchSchedule>) {
        let now = now()
        guard isVisible, now - drawn > .milliseconds(100) else { return }
        drawn = now
        var (openSeconds, openBytes) = (0.0, 0.0)
        var name = ""
        let open = schedule.change { state in
            state.open.map { ($0.path, $0.summary.seconds, $0.fractionRead) }
        }
        for (place, (path, seconds, fraction)) in open.enumerated() {
            openSeconds += seconds
            // The last of a file's channels stands for those before it.
            let isLast = place + 1 == open.count || open[place + 1].0 != path
            if isLast { openBytes += fraction * Double(Self.size(path)) }
            if name.isEmpty { name = String(path.split(separator: "/").last ?? "") }
        }
        let line = Self.line(
            files: files, of: total?.files,
            fraction: total.map { (Double(bytes) + openBytes) / Double(max(1, $0.bytes)) },
            resumedAt: total.map { Double($0.finishedBytes) / Double(max(1, $0.bytes)) } ?? 0,
            audioSeconds: seconds + openSeconds, elapsedSeconds: (now - began) / .seconds(1), name: name,
            columns: Self.terminalColumns)
        write("\r\(line)\u{1B}[K")
        isDrawn = true
    }

    /// Removes the line, so that a record can be printed in its place.
    func clear() {
        guard isDrawn else { return }
        write("\r\u{1B}[K")
        isDrawn = false
    }

    /// - Parameters:
    ///   - fraction: Finished share of all bytes, 0...1.
    ///   - resumedAt: `fraction` when this run began. The remaining time is estimated from what came after
    ///     it.
    static func line(
        files: Int, of total: Int?, fraction: Double?, resumedAt start: Double = 0, audioSeconds: Double,
        elapsedSeconds: Double, name: String, columns: Int
    ) -> String {
        var parts: [String] = []
        if let fraction {
            let width = 20
            let full = Int((min(1, fraction) * Double(width)).rounded(.down))
            let bar = String(repeating: "#", count: full) + String(repeating: "-", count: width - full)
            parts.append("[\(bar)] \(Int(min(1, fraction) * 100)) %")
        }
        parts.append(total.map { "\(files) of \($0) files" } ?? "\(files) files")
        let speed = audioSeconds / max(elapsedSeconds, 0.001)
        parts.append("\(FixedDecimals.text(speed, decimals: speed < 10 ? 1 : 0) ?? "?") x real time")
        if let fraction, fraction - start > 0.01, elapsedSeconds > 1 {
            let remaining = elapsedSeconds * (1 - min(1, fraction)) / (fraction - start)
            parts.append("\(span(remaining)) left")
        }
        let line = parts.joined(separator: "  ")
        // A line that wraps cannot be drawn over.
        let room = columns - 1 - line.count - 2
        return room < 8
            ? String(line.prefix(columns - 1)) : "\(line)  \(PathText.printable(name).suffix(room))"
    }

    private static func span(_ seconds: Double) -> String {
        let whole = Int(min(seconds, 359_999).rounded(.up))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let (hours, minutes) = (whole / 3600, whole / 60 % 60)
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(whole % 60))" : "\(minutes):\(two(whole % 60))"
    }

    private static func size(_ path: String) -> Int64 {
        var status = stat()
        return stat(path.systemPath, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            ? Int64(status.st_size) : 0
    }

    private static var terminalColumns: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    private static func writeToStandardError(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
