private import Glibc
internal import Logging
internal import Settings

/// Writes the metrics to a file for node_exporter's textfile collector, again and again.
struct MetricsFile {
    let settings: @Sendable () -> MetricsSettings
    let text: @Sendable () -> String
    let logger: Logger

    /// Runs until it is cancelled.
    func run() async {
        var lastProblem: String?
        while !Task.isCancelled {
            let settings = settings()
            if let path = settings.file {
                let problem = Self.write(text(), to: path)
                // Once, not every few seconds.
                if let problem, problem != lastProblem { logger.warning("metrics: \(problem)") }
                lastProblem = problem
            }
            // A file that a reload names is begun soon, whatever the interval.
            let seconds = settings.file == nil ? min(settings.interval, 5) : settings.interval
            try? await Task.sleep(for: .seconds(seconds))
        }
    }

    /// Puts a whole file in the place of the old one: a reader sees the one or the other.
    ///
    /// - Returns: What went wrong; `nil` when nothing did.
    static func write(_ text: String, to path: String) -> String? {
        // In the same directory, with an ending that the collector passes over.
        let temporary = "\(path).\(getpid()).tmp"
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
        let descriptor = open(temporary, flags, 0o644)
        guard descriptor >= 0 else { return trouble(temporary) }
        let bytes = Array(text.utf8)
        let written = Glibc.write(descriptor, bytes, bytes.count)
        let isWritten = close(descriptor) == 0 && written == bytes.count
        guard isWritten, rename(temporary, path) == 0 else {
            let problem = trouble(path)
            unlink(temporary)
            return problem
        }
        return nil
    }

    private static func trouble(_ path: String) -> String {
        "\(path) cannot be written: \(String(cString: strerror(errno)))"
    }
}
