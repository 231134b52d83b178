internal import Detection

/// Every setting, in the order in which they are printed.
///
/// To add a setting: a property of ``DaemonSettings`` with its default, a row here, a line in
/// `etc/astd.yaml`, and an option of `astd run` unless the row says `hasOption: false`. Everything else
/// follows from the row: the variable, the check, whether a reload applies it, and the output of
/// `--check-config`. Tests compare the options, `etc/astd.yaml` and the table in `docs/configuration.md` with
/// the rows.
enum SettingTable {
    static let rows: [SettingRow] = [
        .one(
            "source", \.source,
            .text("pulse, pulse:NAME, file:PATH, stdin[:FORMAT], pipe:PATH[?FORMAT] or command:ARGUMENTS"),
            "where audio comes from"),
        .one(
            "channel", \.channel, .channel, "which channels of a live source are classified"),
        .one("gain_db", \.gainDB, .number(-60...60, " dB"), "amplification of a live source"),
        .optional(
            "high_pass_hz", \.highPassHz, .number(1...4000, " Hz"),
            "cut-off of a high-pass filter for a live source"),
        .optional("model", \.model, .text("a directory"), "the model; `null`: the standard places"),
        .list("adapter", \.adapter, "directories", "adapters to load; each classifies every window"),
        .list(
            "adapters", \.adapters, "names of adapters, or base",
            "adapters that classify, by name; none: those of `adapter`", isLive: true, hasOption: false),
        .optional(
            "adapters_dir", \.adaptersDir, .text("a directory"),
            "where `astctl adapter use` finds adapters by name"),
        hop,
        .one(
            "hop_minimum", \.minimumHop, seconds, "shortest time between windows with `hop: auto`",
            hasOption: false),
        .one(
            "activation", \.activation, .word(["auto", "softmax", "sigmoid", "none"]),
            "how logits become scores; `auto`: as the model says"),
        .one(
            "precision", \.precision, .word(["auto", "fp32", "bf16", "int8"]),
            "number format of the matrix products; `auto`: int8 or fp32"),
        .optional(
            "cache_dir", \.cacheDir, .text("a directory"),
            "where packed weights are kept; `null`: the standard places"),
        .one("no_cache", \.noCache, .flag, "pack the weights at every start and do not store them"),
        .optional(
            "threads", \.threads, .count(1...256, ""), "threads of the forward pass; `null`: all processors"),
        .optional(
            "cpu_limit", \.processorLimit, .number(0.05...256, " processors"),
            "processors that astd may use on average, by longer hops", hasOption: false),
        .optional(
            "gate", \.gate, .number(-200...0, " dB relative to full scale"),
            "skip windows that stay below this level"),
        .one("fast", \.fast, .flag, "read a file as fast as possible instead of in real time"),
        .one(
            "wait_for_subscriber", \.waitForSubscriber, .flag,
            "start reading a file or `stdin` when the first client subscribes"),
        .optional(
            "runtime_dir", \.runtimeDir, .text("a directory"),
            "directory of both sockets; `null`: the standard places"),
        .optional(
            "state_dir", \.stateDir, .text("a directory"),
            "where a pause is kept over restarts; `null`: the standard places"),
        .one(
            "events_mode", \.eventsMode, .permissions, "permissions of `events.sock`", hasOption: false),
        .one(
            "max_clients", \.maximumClients, .count(1...100_000, ""), "most clients of each socket",
            hasOption: false),
        .one(
            "muted_after", \.mutedAfter, .number(0...86400, " seconds, 0 for never"),
            "digital silence that counts as a muted microphone", isLive: true, hasOption: false),
        .one(
            "spectrum", \.spectrum, .flag,
            "send `spectrum` records, a coarse picture of the sound, to clients that ask for them",
            hasOption: false),
        quietHours,
        .optional(
            "level.above", \.level.above, .number(-200...0, " dB relative to full scale"),
            "level from which on a `level` record is sent", isLive: true),
        .one(
            "level.seconds", \.level.seconds, .number(0.1...60, " seconds", step: 0.1),
            "time over which that level is measured", isLive: true),
        .one(
            "detection.on", \.detection.rule.on, .threshold, "score at which an event begins", isLive: true),
        .optional(
            "detection.off", \.detection.rule.off, .threshold,
            "score below which it may end; `null`: 0.7 of `on`", isLive: true),
        .one(
            "detection.smoothing", \.detection.rule.smoothingWindows, smoothing,
            "number of windows whose mean is the score", isLive: true),
        .one(
            "detection.minimum_hits", \.detection.rule.minimumHits, hits,
            "consecutive windows that begin an event", isLive: true),
        .one(
            "detection.minimum_duration", \.detection.rule.minimumDurationSeconds, pause,
            "estimated length of a sound that begins an event", isLive: true),
        .one(
            "detection.merge_gap", \.detection.rule.mergeGapSeconds, pause,
            "time below `off` that ends an event", isLive: true),
        .one(
            "detection.refractory", \.detection.rule.refractorySeconds, pause,
            "time after an event without another of its label", isLive: true),
        .one(
            "detection.repeat_after", \.detection.rule.repeatAfterSeconds, repetition,
            "time after which an event that continues is reported again", isLive: true),
        .set("detection.allow", \.detection.allowed, "labels; none for all", "only these labels have events"),
        .set("detection.deny", \.detection.denied, "labels", "labels without events"),
        .optional(
            "metrics.file", \.metrics.file, .text("a path that ends in .prom"),
            "metrics for node_exporter's textfile collector", isLive: true),
        .one(
            "metrics.interval", \.metrics.interval, .number(1...3600, " seconds"),
            "time between two writes of that file", isLive: true),
        .optional(
            "clips.directory", \.clips.directory, .text("a directory"), "where the sound of events is kept",
            isLive: true),
        .one(
            "clips.maximum_megabytes", \.clips.maximumMegabytes, .count(1...1_000_000, ""),
            "size limit; the oldest are deleted first", isLive: true),
        .optional(
            "clips.maximum_disk_percent", \.clips.maximumDiskPercent, .number(0.1...100, " percent"),
            "largest part of the disk for all clips", isLive: true),
        .optional(
            "clips.maximum_days", \.clips.maximumDays, .number(0.01...3650, " days"),
            "age at which a clip is deleted", isLive: true),
        .one(
            "clips.maximum_seconds", \.clips.maximumSeconds, .number(1...300, " seconds"),
            "length of the longest clip", isLive: true),
        .one(
            "clips.pre_seconds", \.clips.preSeconds, .number(0...60, " seconds"),
            "sound before the window that began the event", isLive: true),
        .one(
            "clips.post_seconds", \.clips.postSeconds, .number(0...60, " seconds"),
            "sound after the end of the event", isLive: true),
        .one(
            "clips.original", \.clips.original, .flag,
            "keep the rate and the channels of a live source, instead of 16 kHz mono"),
    ]

    static let byKey = Dictionary(uniqueKeysWithValues: rows.map { ($0.key, $0) })

    /// The row of a setting, or of a setting of one source: `sources.NAME.SETTING`.
    static func row(of key: String) -> SettingRow? {
        guard key.hasPrefix(sourcesKey + ".") else { return byKey[key] }
        return byKey[key.split(separator: ".").dropFirst(2).joined(separator: ".")]
    }

    /// Settings whose value is a path, in which a leading `~/` stands for the user's home directory.
    static let paths: Set<String> = [
        "model", "adapter", "adapters_dir", "cache_dir", "runtime_dir", "state_dir", "metrics.file",
        "clips.directory",
    ]

    /// Labels under one name: `groups.NAME`.
    static let groupsKey = "groups"

    static let combinations =
        "one of " + LabelGroup.Combination.allCases.map(\.rawValue).joined(separator: ", ")

    /// The value of a group in a configuration file: its members, and how their scores are combined unless it
    /// is the maximum.
    static func text(_ group: LabelGroup, _ scalar: (String) -> String) -> String {
        let members = "[" + group.members.map(scalar).joined(separator: ", ") + "]"
        return group.combination == .maximum
            ? members : "{members: \(members), combine: \(group.combination.rawValue)}"
    }

    /// Several sources: `sources.NAME.SETTING`.
    static let sourcesKey = "sources"

    /// Rules of a single label: `detection.labels.LABEL.FIELD`.
    static let labelsKey = "detection.labels"
    static let exceptionFields = [
        "on", "off", "smoothing", "minimum_hits", "minimum_duration", "merge_gap", "refractory",
        "repeat_after",
    ]

    private static let seconds = SettingRow.Kind<Double>.number(0.01...600, " seconds", step: 0.01)

    private static let hop = SettingRow(
        key: "hop", allowed: "auto, or \(seconds.allowed)",
        help: "time from one window to the next; `auto`: the shortest that the machine keeps", isLive: false,
        isList: false, hasOption: true,
        read: { texts, settings in
            guard texts.count == 1 else { return false }
            settings.hopIsAuto = texts[0] == "auto"
            if settings.hopIsAuto { return true }
            guard let value = seconds.parse(texts[0]) else { return false }
            settings.hop = value
            return true
        }, show: { [$0.hopIsAuto ? "auto" : seconds.text($0.hop)] })

    private static let quietHours = SettingRow(
        key: "quiet_hours", allowed: QuietHours.allowed, help: "hours at which nothing is recorded",
        isLive: true, isList: true, hasOption: false,
        read: { texts, settings in
            settings.quietHours = texts.compactMap(QuietHours.init)
            return settings.quietHours.count == texts.count
        }, show: { $0.quietHours.map(\.text) }, separator: ";", problem: QuietHours.problem(in:))

    private static let smoothing = SettingRow.Kind<Int>.count(1...1000, " windows")
    private static let hits = SettingRow.Kind<Int>.count(1...1000, " windows")
    private static let repetition = SettingRow.Kind<Double>.number(0...86400, " seconds, 0 for never")
    private static let pause = SettingRow.Kind<Double>.number(0...86400, " seconds")

    /// Reads a field of an exception.
    ///
    /// - Returns: false when the text is not allowed.
    static func read(_ text: String, _ field: String, into exception: inout DetectionException) -> Bool {
        func set<Value>(_ path: WritableKeyPath<DetectionException, Value?>, _ value: Value?) -> Bool {
            exception[keyPath: path] = value
            return value != nil
        }
        return switch field {
        case "on": set(\.on, SettingRow.Kind.threshold.parse(text))
        case "off": set(\.off, SettingRow.Kind.threshold.parse(text))
        case "smoothing": set(\.smoothingWindows, smoothing.parse(text))
        case "minimum_hits": set(\.minimumHits, hits.parse(text))
        case "minimum_duration": set(\.minimumDurationSeconds, pause.parse(text))
        case "merge_gap": set(\.mergeGapSeconds, pause.parse(text))
        case "refractory": set(\.refractorySeconds, pause.parse(text))
        case "repeat_after": set(\.repeatAfterSeconds, repetition.parse(text))
        default: false
        }
    }

    /// The fields that are set, in the order of ``exceptionFields``.
    static func show(_ exception: DetectionException) -> [(field: String, text: String)] {
        let texts: [String?] = [
            exception.on.map(SettingRow.Kind.threshold.text),
            exception.off.map(SettingRow.Kind.threshold.text),
            exception.smoothingWindows.map(smoothing.text), exception.minimumHits.map(hits.text),
            exception.minimumDurationSeconds.map(pause.text), exception.mergeGapSeconds.map(pause.text),
            exception.refractorySeconds.map(pause.text),
            exception.repeatAfterSeconds.map(repetition.text),
        ]
        return zip(exceptionFields, texts).compactMap { field, text in text.map { (field, $0) } }
    }
}
