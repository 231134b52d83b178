private import Wire

#if canImport(Glibc)
    private import Glibc
#else
    private import Musl
#endif

/// One line on standard error that says how far a batch is, redrawn at most ten times a second.
public final class ProgressBar {
    /// What there is to do; `nil` where a list is still being written.
    public struct Total: Sendable {
        public var files = 0
        public var bytes: Int64 = 0

        /// Looks at every file of a batch, without opening it.
        public init(_ queue: FileQueue) {
            for item in queue {
                files += 1
                if case .file(let path) = item { bytes += ProgressBar.size(path) }
            }
        }
    }

    private let isVisible: Bool
    private let total: Total?
    private let began = ContinuousClock.now
    private var drawn = ContinuousClock.now
    private var isDrawn = false
    private var files: Int
    private var bytes: Int64 = 0
    private var seconds = 0.0

    /// - Parameter finished: Files that are done already.
    public init(isVisible: Bool, total: Total? = nil, finishedFiles: Int = 0) {
        self.isVisible = isVisible
        self.total = total
        files = finishedFiles
    }

    /// A file is done, and so many seconds of audio are.
    func finished(_ path: String, seconds: Double) {
        files += 1
        self.seconds += seconds
        if isVisible { bytes += Self.size(path) }
    }

    func draw(_ schedule: Monitor<BatchSchedule>) {
        let now = ContinuousClock.now
        guard isVisible, now - drawn > .milliseconds(100) else { return }
        drawn = now
        var (openSeconds, openBytes) = (0.0, 0.0)
        var name = ""
        let open = schedule.change { state in
            state.open.map { ($0.path, $0.summary.seconds, $0.fractionRead) }
        }
        for (path, seconds, fraction) in open {
            openSeconds += seconds
            openBytes += fraction * Double(Self.size(path))
            if name.isEmpty { name = String(path.split(separator: "/").last ?? "") }
        }
        let line = Self.line(
            files: files, of: total?.files,
            fraction: total.map { (Double(bytes) + openBytes) / Double(max(1, $0.bytes)) },
            audioSeconds: seconds + openSeconds, elapsedSeconds: (now - began) / .seconds(1), name: name,
            columns: Self.terminalColumns)
        write("\r\(line)\u{1B}[K")
        isDrawn = true
    }

    /// Makes room for a record.
    func clear() {
        guard isDrawn else { return }
        write("\r\u{1B}[K")
        isDrawn = false
    }

    /// - Parameter fraction: Of the bytes there are, 0...1: what is left is reckoned from it.
    static func line(
        files: Int, of total: Int?, fraction: Double?, audioSeconds: Double, elapsedSeconds: Double,
        name: String, columns: Int
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
        if let fraction, fraction > 0.01, elapsedSeconds > 1 {
            parts.append("\(span(elapsedSeconds * (1 - min(1, fraction)) / fraction)) left")
        }
        let line = parts.joined(separator: "  ")
        // A line that wraps cannot be drawn over.
        let room = columns - 1 - line.count - 2
        let printable = name.unicodeScalars.map {
            $0.properties.generalCategory == .control ? "?" : String($0)
        }
        return room < 8 ? String(line.prefix(columns - 1)) : "\(line)  \(printable.joined().suffix(room))"
    }

    private static func span(_ seconds: Double) -> String {
        let whole = Int(min(seconds, 359_999).rounded(.up))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let (hours, minutes) = (whole / 3600, whole / 60 % 60)
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(whole % 60))" : "\(minutes):\(two(whole % 60))"
    }

    private static func size(_ path: String) -> Int64 {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? Int64(status.st_size) : 0
    }

    private static var terminalColumns: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        #if canImport(Glibc)
            _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
        #else
            _ = bytes.withUnsafeBytes { Musl.write(STDERR_FILENO, $0.baseAddress, $0.count) }
        #endif
    }
}
