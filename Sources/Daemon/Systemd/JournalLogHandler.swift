import Glibc
public import Logging

/// Writes to standard error what systemd's journal reads from it: a line a message, with its priority as `<N>` in front
/// (sd-daemon(3)). The journal adds time and process itself.
///
/// Threading: may be used from any thread; a line is written with one call.
public struct JournalLogHandler: LogHandler {
    public var logLevel: Logger.Level = .info
    public var metadata: Logger.Metadata = [:]

    public init() {}

    /// Whether standard error leads to the journal, rather than to a terminal or a file that a service was redirected to.
    public static var isConnected: Bool {
        guard let stream = ServiceNotifier.environment("JOURNAL_STREAM") else { return false }
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

    /// Every line of a message gets the priority: the journal takes them one by one.
    static func lines(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) -> String {
        let pairs = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        return (message + pairs).split(whereSeparator: \.isNewline)
            .map { "<\(priority(level))>\($0)\n" }.joined()
    }

    /// syslog(3)'s priorities: 2 critical, 3 error, 4 warning, 5 notice, 6 informational, 7 debug.
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
