private import SystemSupport
import Glibc
public import Logging

/// Writes log messages to standard error in the form that systemd's journal reads: one line per message,
/// prefixed with its priority as `<N>` (sd-daemon(3)). The journal adds time and process.
///
/// Threading: any thread; a message is written with one call.
public struct JournalLogHandler: LogHandler {
    public var logLevel: Logger.Level = .info
    public var metadata: Logger.Metadata = [:]

    public init() {}

    /// Whether standard error is connected to the journal, and not to a terminal or a file.
    public static var isConnected: Bool {
        guard let stream = Environment.process["JOURNAL_STREAM"] else { return false }
        var status = stat()
        guard fstat(STDERR_FILENO, &status) == 0 else { return false }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let merged = metadata.merging(event.metadata ?? [:]) { $1 }
        let bytes = Array(Self.lines(event.level, event.message.description, merged).utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// Each line of a message gets the priority, because the journal stores lines separately.
    static func lines(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) -> String {
        let pairs = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        return (message + pairs).split(whereSeparator: \.isNewline)
            .map { "<\(priority(level))>\($0)\n" }.joined()
    }

    /// The priorities of syslog(3).
    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
