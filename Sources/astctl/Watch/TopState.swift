import DaemonClient
import Wire

/// The state of every label that `top` collects from records.
struct TopState {
    /// A label of an adapter, from one source.
    struct Row {
        /// nil for a single source without a name.
        let source: String?
        let adapter: String
        let label: String
        var score: Float = 0
        /// The last scores, at most ``TopState/meanWindows``.
        private var recent: [Float] = []
        var peak: Float = 0
        /// Number of events that began, or were in progress at the start.
        var events = 0
        /// The event counted last. Events in progress are published once more after a reconnection.
        var lastID: String?
        /// Whether that event is in progress, as far as is known: no longer after the connection is lost.
        var isActive = false
        /// End of its last event.
        var lastEnd: Timestamp?

        init(source: String?, adapter: String, label: String) {
            (self.source, self.adapter, self.label) = (source, adapter, label)
        }

        var mean: Float { recent.isEmpty ? 0 : recent.reduce(0, +) / Float(recent.count) }

        mutating func add(_ score: Float) {
            self.score = score
            peak = recent.isEmpty ? score : max(peak, score)
            if recent.count == meanWindows { recent.removeFirst() }
            recent.append(score)
        }
    }

    /// Number of windows of the mean.
    static let meanWindows = 10

    /// The state that does not belong to single labels.
    private(set) var watch: WatchState
    private let labels: Set<String>?
    private var rows: [String: Row] = [:]
    /// Ends of the last windows, for their rate.
    private var windowEnds: [Int64] = []
    private var latencies: [Double] = []

    /// The current records of the sources that have names, in the order of their appearance.
    private(set) var sources: [SourceRecord] = []

    /// The variants of sources that have their own.
    private var adaptersBySource: [String: [String]] = [:]

    /// Whether labels need the name of their adapter.
    var hasSeveralAdapters: Bool { watch.adapters.count > 1 || !adaptersBySource.isEmpty }

    /// The last of the variants that classify each window of a source.
    func lastAdapter(of source: String?) -> String? {
        (source.flatMap { adaptersBySource[$0] } ?? watch.adapters).last
    }

    /// Why nothing, or not everything, is classified; of several sources, for each of them.
    var trouble: String? {
        if sources.count < 2 || !watch.isConnected || watch.hang != nil { return watch.trouble }
        let troubles = sources.filter { !$0.isFine }.map { source in
            let state = source.state == .healthy ? "" : " \(source.state.rawValue)"
            return "\(source.source ?? "")\(state)\(source.message.map { ": " + $0 } ?? "")"
        }
        return troubles.isEmpty ? nil : troubles.joined(separator: "; ")
    }

    /// - Parameters:
    ///   - labels: Labels to show; nil for all.
    ///   - source: The only source to show; nil for all.
    init(hello: Hello, labels: Set<String>?, source: String? = nil) {
        watch = WatchState(hello: hello, filter: WatchFilter(source: source))
        self.labels = labels
    }

    /// Rows by mean score, highest first.
    var sorted: [Row] {
        rows.values.sorted {
            ($1.mean, $0.label, $0.source ?? "", $0.adapter) < (
                $0.mean, $1.label, $1.source ?? "", $1.adapter
            )
        }
    }

    /// Windows per second.
    var rate: Double? {
        guard let first = windowEnds.first, let last = windowEnds.last, last > first else { return nil }
        return Double(windowEnds.count - 1) / (Double(last - first) / 1e9)
    }

    var meanLatencyMs: Double? {
        latencies.isEmpty ? nil : latencies.reduce(0, +) / Double(latencies.count)
    }

    mutating func update(with record: LiveRecord) {
        // The state that is common to all sources has the variants of all.
        if case .adapter(let adapter) = record, adapter.source != nil {} else { watch.update(with: record) }
        switch record {
        case .prediction(let prediction): update(with: prediction)
        case .event(let event):
            guard labels?.contains(event.label) ?? true else { return }
            change(event.label, of: event.adapter, event.source) { row in
                switch event.state {
                case .begin:
                    if row.lastID != event.id { row.events += 1 }
                    (row.lastID, row.isActive) = (event.id, true)
                case .end: (row.isActive, row.lastEnd) = (false, event.time)
                }
            }
        case .adapter(let record):
            // Remove the labels of variants that are no longer active.
            if record.source == nil { adaptersBySource = [:] }
            if let source = record.source { adaptersBySource[source] = record.adapters }
            rows = rows.filter { _, row in
                let adapters = row.source.flatMap { adaptersBySource[$0] } ?? watch.adapters
                return record.source.map { $0 != row.source } ?? false || adapters.contains(row.adapter)
            }
        case .source(let source):
            guard let name = source.source else { return }
            let index = sources.firstIndex { $0.source == name }
            if let index { sources[index] = source } else { sources.append(source) }
            if source.state == .ended { rows = rows.filter { $0.value.source != name } }
        case .hello(let hello):
            // A daemon that is back may have other settings.
            sources = sources.filter { $0.source.map(hello.sources.contains) ?? true }
        default: break
        }
    }

    private mutating func update(with prediction: Prediction) {
        if windowEnds.last != prediction.time.unixNanos {
            Self.append(prediction.time.unixNanos, &windowEnds)
        }
        Self.append(prediction.latencyMs, &latencies)
        for entry in prediction.labels where labels?.contains(entry.label) ?? true {
            change(entry.label, of: prediction.adapter, prediction.source) { $0.add(entry.score) }
        }
    }

    private static func append<Value>(_ value: Value, _ values: inout [Value]) {
        if values.count == 60 { values.removeFirst() }
        values.append(value)
    }

    private mutating func change(
        _ label: String, of adapter: String?, _ source: String?, _ change: (inout Row) -> Void
    ) {
        let name = adapter ?? AdapterRecord.baseName
        let key = (source ?? "") + "\n" + name + "\n" + label
        change(&rows[key, default: Row(source: source, adapter: name, label: label)])
    }
}

extension TopState: ScreenState {
    mutating func setConnected(_ isConnected: Bool) {
        watch.setConnected(isConnected)
        if !isConnected { for name in rows.keys { rows[name]?.isActive = false } }
    }

    mutating func setHang(_ hang: String?) { watch.setHang(hang) }

    /// Every label of every window.
    var parameters: SubscribeParameters {
        SubscribeParameters(sources: watch.filter.sources, labels: labels, topK: 1_000_000)
    }

    func lines(_ frame: ScreenFrame) -> [String] { TopScreen(self, frame).lines }
}
