public import Detection

/// The settings of `astd run`, with their defaults. ``SettingTable`` has their names.
public struct DaemonSettings: Equatable, Sendable {
    /// In the form that `SourceSpec` reads.
    public var source = "pulse"
    /// Several sources, in place of ``source``; empty: that one.
    public var sources: [SourceSettings] = []
    /// In the form that `SourceChannel` reads.
    public var channel = "mix"
    /// Decibels by which the sound of a live source is amplified.
    public var gainDB = 0.0
    /// Cut-off frequency of a high-pass filter for live sources in Hz; `nil`: no filter.
    public var highPassHz: Double?
    /// `nil`: the first standard place that has a model.
    public var model: String?
    /// Directories of adapters that classify from the start.
    public var adapter: [String] = []
    /// Names of the adapters that classify, or `base`; empty: those of ``adapter``.
    public var adapters: [String] = []
    /// `nil`: the standard place, where it exists.
    public var adaptersDir: String?
    /// Seconds from one window to the next, unless ``hopIsAuto``.
    public var hop = 1.0
    /// Whether ``hop`` is the shortest hop of a live source, and not the only one.
    public var adaptsHop: Bool { hopIsAuto || processorLimit != nil }
    /// Whether the hop of a live source follows the measured passes, from ``minimumHop`` on.
    public var hopIsAuto = false
    /// The shortest hop with ``hopIsAuto``, in seconds.
    public var minimumHop = 0.5
    /// `auto` or one of `Activation`.
    public var activation = "auto"
    /// `auto` or one of `Precision`.
    public var precision = "auto"
    /// Where packed weights are kept between starts; `nil`: the first standard place.
    public var cacheDir: String?
    /// Packs the weights at every start and does not store them.
    public var noCache = false
    /// `nil`: all processors.
    public var threads: Int?
    /// Processors that the process may use on average of a minute; `nil`: no limit.
    public var processorLimit: Double?
    /// Windows that stay below this level are not classified, in dB relative to full scale; `nil`: all are
    /// classified.
    public var gate: Double?
    /// Reads a file as fast as possible instead of in real time.
    public var fast = false
    /// A file or standard input is read only when the first client has subscribed.
    public var waitForSubscriber = false
    /// Directory of both sockets; `nil`: the first standard place.
    public var runtimeDir: String?
    /// Where a pause is kept over restarts; `nil`: the first standard place.
    public var stateDir: String?
    /// Permissions of `events.sock`.
    public var eventsMode: UInt32 = 0o660
    /// Limit of clients per socket.
    public var maximumClients = 1024
    /// Seconds of digital silence after which the microphone is reported as muted; 0: never.
    public var mutedAfter = 120.0

    /// Whether clients that ask for it receive a coarse picture of the sound, ten columns per second.
    public var spectrum = false

    /// When nothing is recorded, in the machine's time zone.
    public var quietHours: [QuietHours] = []

    public var level = LevelSettings()
    public var detection = DetectionRules()
    public var metrics = MetricsSettings()
    public var clips = ClipSettings()

    public init() {}
}

extension DaemonSettings {
    /// All rules of ``detection`` in one line.
    public var detectionText: String {
        let rows = SettingTable.rows.filter { $0.key.hasPrefix("detection.") }.map { row in
            "\(row.key) \(row.show(self)?.joined(separator: ":") ?? "null")"
        }
        let exceptions = detection.exceptions.sorted { $0.key < $1.key }.flatMap { label, exception in
            SettingTable.show(exception).map { "\(SettingTable.labelsKey).\(label).\($0) \($1)" }
        }
        let groups = detection.groups.map { group in
            "\(SettingTable.groupsKey).\(group.name) \(SettingTable.text(group) { $0 })"
        }
        return (rows + exceptions + groups).joined(separator: ", ")
    }
}

/// When a source is reported as loud.
public struct LevelSettings: Equatable, Sendable {
    /// In dB relative to full scale; `nil`: never.
    public var above: Double?
    /// Seconds over which the level is measured.
    public var seconds = 1.0

    public init() {}

    public init(above: Double?, seconds: Double) { (self.above, self.seconds) = (above, seconds) }
}

/// The file for node_exporter's textfile collector.
public struct MetricsSettings: Equatable, Sendable {
    /// `nil`: no file is written.
    public var file: String?
    /// Seconds between two writes.
    public var interval = 15.0

    public init() {}
}

/// Recordings of events.
public struct ClipSettings: Equatable, Sendable {
    /// `nil`: no clip is kept.
    public var directory: String?
    /// Size of all clips in millions of bytes; the oldest are deleted first.
    public var maximumMegabytes = 500
    /// Largest part of the file system that all clips may occupy, in percent; `nil`: no limit but
    /// ``maximumMegabytes``.
    public var maximumDiskPercent: Double?
    /// Days after which a clip is deleted; `nil`: never.
    public var maximumDays: Double?
    /// Length of the longest clip in seconds; a longer event is cut.
    public var maximumSeconds = 30.0
    /// Seconds before the window that began the event, and behind the event's end.
    public var preSeconds = 0.0
    public var postSeconds = 0.0
    /// Whether clips of live sources have the source's own rate and channels.
    public var original = false

    public init() {}
}
