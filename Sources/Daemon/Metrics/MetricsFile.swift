internal import Logging
internal import Settings

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
        var replacer: FileReplacer?
        while !Task.isCancelled {
            let settings = settings()
            if settings.file != replacer?.path { replacer = settings.file.map(FileReplacer.init(path:)) }
            if let replacer {
                let text = await text()
                let problem = await queue.run { replacer.write(text) }
                // Each problem is logged once, not at every interval.
                if let problem, problem != lastProblem { logger.warning("metrics: \(problem)") }
                if problem == nil, lastProblem != nil {
                    logger.info("metrics: \(replacer.path) is written again")
                }
                lastProblem = problem
            }
            // Without a file, check often whether a reload has set one.
            let seconds = settings.file == nil ? min(settings.interval, 5) : settings.interval
            try? await Task.sleep(for: .seconds(seconds))
        }
    }
}
