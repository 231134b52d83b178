public import Detection

/// Everything that `astd run` can be told, with its defaults. ``SettingTable`` says what each is called.
public struct Settings: Equatable, Sendable {
    /// As `SourceSpec` reads it.
    public var source = "pulse"
    /// `nil`: looked for in the standard places.
    public var model: String?
    /// Directories of adapters that classify from the start.
    public var adapter: [String] = []
    /// `nil`: the standard place, where it exists.
    public var adaptersDir: String?
    /// Seconds from one window to the next.
    public var hop = 1.0
    /// `auto` or one of `Activation`.
    public var activation = "auto"
    /// `auto` or one of `Precision`.
    public var precision = "auto"
    /// Where packed weights are kept from one start to the next; `nil`: looked for in the standard places.
    public var cacheDir: String?
    /// Weights are packed at every start and kept nowhere.
    public var noCache = false
    /// `nil`: all processors.
    public var threads: Int?
    /// Windows that are quieter throughout are not classified, in dB relative to full scale; `nil`: all are.
    public var gate: Double?
    /// A file is not paced.
    public var fast = false
    /// A file or standard input is read only when the first client has subscribed.
    public var waitForSubscriber = false
    /// Where the sockets are; `nil`: the first standard place there is.
    public var runtimeDir: String?
    /// Permissions of `events.sock`.
    public var eventsMode: UInt32 = 0o660
    /// Most clients of each socket.
    public var maximumClients = 1024
    /// Seconds of digital silence after which a muted microphone is suspected; 0: never.
    public var mutedAfter = 120.0

    public var detection = DetectionRules()
    public var metrics = MetricsSettings()
    public var clips = ClipSettings()

    public init() {}
}

extension Settings {
    /// All rules of ``detection`` in one line.
    public var detectionText: String {
        let rows = SettingTable.rows.filter { $0.key.hasPrefix("detection.") }.map { row in
            "\(row.key) \(row.show(self)?.joined(separator: ":") ?? "null")"
        }
        let exceptions = detection.exceptions.sorted { $0.key < $1.key }.flatMap { label, exception in
            SettingTable.show(exception).map { "\(SettingTable.labelsKey).\(label).\($0) \($1)" }
        }
        return (rows + exceptions).joined(separator: ", ")
    }
}

/// The file for node_exporter's textfile collector.
public struct MetricsSettings: Equatable, Sendable {
    /// `nil`: none is written.
    public var file: String?
    /// Seconds from one writing to the next.
    public var interval = 15.0

    public init() {}
}

/// Sound of events, kept on disk.
public struct ClipSettings: Equatable, Sendable {
    /// `nil`: nothing is kept.
    public var directory: String?
    /// Bytes of all clips together, in units of a million; the oldest go first.
    public var maximumMegabytes = 500
    /// The longest clip in seconds; the sound goes on, the clip does not.
    public var maximumSeconds = 30.0

    public init() {}
}
