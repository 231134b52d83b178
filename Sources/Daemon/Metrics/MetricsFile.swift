private import Glibc
internal import Logging
internal import Settings
private import SystemSupport

/// Writes the metrics periodically to a file for node_exporter's textfile collector.
struct MetricsFile {
    let settings: @Sendable () -> MetricsSettings
    let text: @Sendable () async -> String
    let logger: Logger
    /// The disk may block.
    private let queue = BlockingQueue("astd-metrics")

    init(
        settings: @escaping @Sendable () -> MetricsSettings, text: @escaping @Sendable () async -> String,
        logger: Logger
    ) {
        self.settings = settings
        self.text = text
        self.logger = logger
    }

    /// Runs until its task is cancelled.
    func run() async {
        var lastProblem: String?
        while !Task.isCancelled {
            let settings = settings()
            if let path = settings.file {
                let text = await text()
                let problem = await queue.run { Self.write(text, to: path) }
                // Each problem is logged once, not at every interval.
                if let problem, problem != lastProblem { logger.warning("metrics: \(problem)") }
                lastProblem = problem
            }
            // Without a file, check often whether a reload has set one.
            let seconds = settings.file == nil ? min(settings.interval, 5) : settings.interval
            try? await Task.sleep(for: .seconds(seconds))
        }
    }

    /// Replaces the file atomically: a reader sees either the old or the new text.
    ///
    /// - Returns: What went wrong; nil on success.
    static func write(_ text: String, to path: String) -> String? {
        // In the same directory, so that it can be renamed, with an extension that the collector ignores.
        let temporary = "\(path).\(getpid()).tmp"
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
        let descriptor = open(temporary.systemPath, flags, 0o644)
        guard descriptor >= 0 else { return failure(temporary) }
        let bytes = Array(text.utf8)
        let written = Glibc.write(descriptor, bytes, bytes.count)
        let isWritten = close(descriptor) == 0 && written == bytes.count
        guard isWritten, rename(temporary.systemPath, path.systemPath) == 0 else {
            let problem = failure(path)
            unlink(temporary.systemPath)
            return problem
        }
        return nil
    }

    private static func failure(_ path: String) -> String {
        "cannot write \(path): \(String(cString: strerror(errno)))"
    }
}
