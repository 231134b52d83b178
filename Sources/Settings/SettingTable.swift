private import Capture
internal import Detection
private import Inference

/// Every setting there is, in the order in which they are shown.
enum SettingTable {
    static let rows: [SettingRow] = [
        .one(
            "source", \.source,
            .init(
                allowed: "pulse, pulse:NAME, file:PATH or stdin",
                parse: { (try? SourceSpec(parsing: $0)) == nil ? nil : $0 }, text: { $0 })),
        .optional("model", \.model, .text("a model's directory")),
        .list("adapter", \.adapter, "directories of adapters"),
        .optional("adapters_dir", \.adaptersDir, .text("a directory")),
        .one("hop", \.hop, .number(0.01...600, " seconds")),
        .one("activation", \.activation, .word(["auto"] + Activation.allCases.map(\.rawValue))),
        .one(
            "precision", \.precision,
            .word(["auto"] + Precision.allCases.filter(\.isFast).map(\.rawValue))),
        .optional("cache_dir", \.cacheDir, .text("a directory")),
        .one("no_cache", \.noCache, .flag),
        .optional("threads", \.threads, .count(1...256, "")),
        .optional("gate", \.gate, .number(-200...0, " dB relative to full scale")),
        .one("fast", \.fast, .flag),
        .one("wait_for_subscriber", \.waitForSubscriber, .flag),
        .optional("runtime_dir", \.runtimeDir, .text("a directory")),
        .one("events_mode", \.eventsMode, .permissions),
        .one("max_clients", \.maximumClients, .count(1...100_000, "")),
        .one("muted_after", \.mutedAfter, .number(0...86400, " seconds, 0 for never"), isLive: true),
        .one("detection.on", \.detection.rule.on, .threshold, isLive: true),
        .optional("detection.off", \.detection.rule.off, .threshold, isLive: true),
        .one("detection.smoothing", \.detection.rule.smoothingWindows, smoothing, isLive: true),
        .one("detection.minimum_hits", \.detection.rule.minimumHits, hits, isLive: true),
        .one("detection.merge_gap", \.detection.rule.mergeGapSeconds, pause, isLive: true),
        .one("detection.refractory", \.detection.rule.refractorySeconds, pause, isLive: true),
        .set("detection.allow", \.detection.allowed, "labels; none for all"),
        .set("detection.deny", \.detection.denied, "labels"),
        .optional("metrics.file", \.metrics.file, .text("a path that ends in .prom"), isLive: true),
        .one("metrics.interval", \.metrics.interval, .number(1...3600, " seconds"), isLive: true),
        .optional("clips.directory", \.clips.directory, .text("a directory"), isLive: true),
        .one("clips.maximum_megabytes", \.clips.maximumMegabytes, .count(1...1_000_000, ""), isLive: true),
        .one("clips.maximum_seconds", \.clips.maximumSeconds, .number(1...300, " seconds"), isLive: true),
    ]

    static let byKey = Dictionary(uniqueKeysWithValues: rows.map { ($0.key, $0) })

    /// What a label may have of its own: `detection.labels.LABEL.FIELD`.
    static let labelsKey = "detection.labels"
    static let exceptionFields = [
        "on", "off", "smoothing", "minimum_hits", "merge_gap", "refractory",
    ]

    private static let smoothing = SettingRow.Kind<Int>.count(1...1000, " windows")
    private static let hits = SettingRow.Kind<Int>.count(1...1000, " windows")
    private static let pause = SettingRow.Kind<Double>.number(0...86400, " seconds")

    /// Reads a field of an exception.
    ///
    /// - Returns: false when the text is none that is allowed.
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
        case "merge_gap": set(\.mergeGapSeconds, pause.parse(text))
        case "refractory": set(\.refractorySeconds, pause.parse(text))
        default: false
        }
    }

    /// The fields that an exception has, in the order of ``exceptionFields``.
    static func show(_ exception: DetectionException) -> [(field: String, text: String)] {
        let texts: [String?] = [
            exception.on.map(SettingRow.Kind.threshold.text),
            exception.off.map(SettingRow.Kind.threshold.text),
            exception.smoothingWindows.map(smoothing.text), exception.minimumHits.map(hits.text),
            exception.mergeGapSeconds.map(pause.text), exception.refractorySeconds.map(pause.text),
        ]
        return zip(exceptionFields, texts).compactMap { field, text in text.map { (field, $0) } }
    }
}
