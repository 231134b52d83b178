import DaemonClient
import Wire

/// The state that `watch` collects from records.
struct WatchState {
    let filter: WatchFilter
    private var run: RunID
    private(set) var isConnected = true
    /// Why the connected daemon does not answer; nil when it does.
    private(set) var hang: String?
    private(set) var model: String
    /// Active variants in the order of their predictions, as in ``AdapterRecord/adapters``.
    private(set) var adapters: [String]
    private(set) var windowSeconds: Double
    private(set) var hopSeconds: Double
    private(set) var prediction: Prediction?
    /// Scores of the last window, for each adapter.
    private var scores: [String: [ScoredLabel]] = [:]
    private(set) var source: SourceRecord?
    private(set) var gaps = 0
    private(set) var gapSeconds = 0.0
    private(set) var lostRecords: UInt64 = 0
    /// Why nothing, or not everything, is heard; nil when all is well, or not known yet.
    var trouble: String? {
        if !isConnected { return "the daemon has ended; waiting for its return" }
        if let hang { return hang }
        if let source, !source.isFine {
            // The reason comes first: names can be as long as the line.
            let state = source.state == .healthy ? "source" : "source \(source.state.rawValue)"
            return "\(state): \(source.message.map { "\($0) (\(source.name))" } ?? source.name)"
        }
        guard let prediction else { return nil }
        if prediction.isGated { return "the last window was below the gate and not classified" }
        return prediction.levelDBFS == nil ? "nothing is heard: digital silence" : nil
    }

    /// Events in progress, oldest first.
    private(set) var events: [(id: String, label: String)] = []

    init(hello: Hello, filter: WatchFilter) {
        self.filter = filter
        run = hello.run
        model = hello.model
        adapters = hello.adapters
        windowSeconds = hello.window
        hopSeconds = hello.hop
    }

    mutating func update(with record: LiveRecord) {
        switch record {
        case .hello(let hello):
            // A new run knows nothing of the sounds and events of the one before.
            if hello.run != run { (prediction, scores, source, events) = (nil, [:], nil, []) }
            run = hello.run
            (model, adapters, windowSeconds, hopSeconds) = (
                hello.model, hello.adapters, hello.window, hello.hop
            )
        case .prediction(let prediction):
            update(with: prediction)
        case .event(let event):
            events.removeAll { $0.id == event.id }
            if event.state == .begin { events.append((event.id, event.label)) }
        case .gap(let gap):
            gaps += 1
            gapSeconds += max(0, gap.seconds)
        case .source(let source):
            self.source = source
        case .adapter(let record):
            adapters = record.adapters
            scores = [:]
        case .lost(let record):
            lostRecords += record.count
        case .hop(let record): hopSeconds = record.hopSeconds
        case .level, .spectrum, .ongoing: break
        }
    }

    /// Labels of several adapters are merged into one list, each with its adapter's name.
    private mutating func update(with prediction: Prediction) {
        let name = prediction.adapter ?? AdapterRecord.baseName
        if !adapters.contains(name) { (adapters, scores) = ([name], [:]) }
        scores[name] = prediction.labels
        guard adapters.count > 1 else {
            self.prediction = prediction.with(labels: filter.select(prediction.labels))
            return
        }
        let labels = adapters.flatMap { name in
            (scores[name] ?? []).filter { filter.accepts($0) }.map {
                ScoredLabel(index: $0.index, label: "\(name): \($0.label)", score: $0.score)
            }
        }
        self.prediction = prediction.with(
            labels: Array(labels.sorted { $0.score > $1.score }.prefix(filter.limit)))
    }
}

extension WatchState: ScreenState {
    mutating func setConnected(_ isConnected: Bool) {
        self.isConnected = isConnected
        if isConnected { return }
        // A daemon that is back reports both again.
        source = source.map { SourceRecord(source: $0.source, state: .lost, name: $0.name) }
        events = []
    }

    mutating func setHang(_ hang: String?) { self.hang = hang }

    var parameters: SubscribeParameters { filter.screenParameters }

    func lines(_ frame: ScreenFrame) -> [String] { WatchScreen(self, frame).lines }
}
