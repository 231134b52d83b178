import Wire

/// What `watch` knows from the records so far.
struct WatchState {
    let filter: WatchFilter
    private(set) var model: String
    private(set) var adapter: String?
    private(set) var windowSeconds: Double
    private(set) var hopSeconds: Double
    private(set) var prediction: Prediction?
    private(set) var source: SourceRecord?
    private(set) var gaps = 0
    private(set) var gapSamples: Int64 = 0
    private(set) var lostRecords: UInt64 = 0
    /// Labels of the events that have begun and not ended, oldest first, by their ids.
    private(set) var events: [(id: UInt64, label: String)] = []

    init(hello: Hello, filter: WatchFilter) {
        self.filter = filter
        model = hello.model
        adapter = hello.adapter
        windowSeconds = hello.window
        hopSeconds = hello.hop
    }

    mutating func take(_ record: LiveRecord) {
        switch record {
        case .hello(let hello):
            (model, adapter, windowSeconds, hopSeconds) = (
                hello.model, hello.adapter, hello.window, hello.hop
            )
        case .prediction(let prediction):
            self.prediction = prediction.with(labels: filter.select(prediction.labels))
            adapter = prediction.adapter
        case .event(let event):
            events.removeAll { $0.id == event.id }
            if event.state == .begin { events.append((event.id, event.label)) }
        case .gap(let gap):
            gaps += 1
            gapSamples += max(0, gap.endSample - gap.startSample)
        case .source(let source):
            self.source = source
        case .adapter(let record):
            adapter = record.active
        case .lost(let record):
            lostRecords += record.count
        }
    }
}
