internal import TextSupport
internal import Wire

/// A daemon as the page shows it.
struct DaemonView {
    /// What a change of is sent to every client.
    struct Shown: Equatable {
        var isConnected = false
        var reason: String?
        var hello: Hello?
        var adapter: String?
        /// Loaded adapters.
        var adapters: [String] = []
        var sources: [SourceRecord] = []
        var lostRecords: UInt64 = 0
        /// Whether the daemon has sent a `spectrum` record in this run.
        var hasSpectrum = false
    }

    private struct OpenEvent {
        var source: String?
        var label: String
        var adapter: String?
        var begin: Timestamp
        var peakScore: Float
    }

    private struct Stream: Hashable {
        var source: String?
        var channel: Int?
    }

    let name: String
    private(set) var shown = Shown()
    private var open: [String: OpenEvent] = [:]
    private var newest: [Stream: Prediction] = [:]
    private var last: Prediction?
    private var skippedWindows: UInt64 = 0
    /// Records received, by kind.
    private(set) var records: [LiveRecord.Kind: UInt64] = [:]

    init(name: String) { self.name = name }

    /// Events in progress.
    var openCount: Int { open.count }
    /// End of the newest window.
    var lastTime: Timestamp? { last?.time }

    var isConnected: Bool { shown.isConnected }
    var reason: String? { shown.reason }

    private var isPaused: Bool {
        !shown.sources.isEmpty && shown.sources.allSatisfy { $0.state == .paused }
    }

    /// The newest prediction of each source.
    var predictions: [LiveMessage] {
        guard isConnected else { return [] }
        return newest.values.sorted {
            ($0.source ?? "", $0.channel ?? 0) < ($1.source ?? "", $1.channel ?? 0)
        }
        .map { message($0) }
    }

    /// The daemon as in `/api/status`.
    var message: LiveMessage { LiveMessage(.daemon, of: name) { writeState(to: &$0) } }

    private func message(_ prediction: Prediction) -> LiveMessage {
        LiveMessage(.prediction, of: name) { prediction.writeMembers(to: &$0) }
    }

    // MARK: Changes

    mutating func update(_ update: DaemonUpdate) -> [LiveMessage] {
        switch update {
        case .connected(let hello, let status):
            connect(hello, status)
            return []
        case .disconnected(let reason):
            (shown.isConnected, shown.reason) = (false, reason)
            return []
        case .adapters(let names):
            shown.adapters = names
            return []
        case .record(let record): return follow(record)
        case .stored(let changes), .unsaved(let changes): return changes.flatMap { apply($0) }
        }
    }

    private mutating func connect(_ hello: Hello, _ status: StatusReport) {
        (shown.isConnected, shown.reason) = (true, nil)
        if hello.run != shown.hello?.run { shown.hasSpectrum = false }
        (shown.hello, shown.adapter) = (hello, hello.adapter)
        shown.sources = status.sources.map { source in
            var record = SourceRecord(
                source: source.source, state: source.report.state, name: source.report.name,
                message: source.report.message)
            record.channel = source.channel
            return record
        }
        if let source = status.source {
            shown.sources = [SourceRecord(state: source.state, name: source.name, message: source.message)]
        }
        skippedWindows = status.counters.skippedWindows
        open = [:]
        for event in status.events {
            open[event.id] = OpenEvent(
                source: event.source, label: event.label, adapter: event.adapter, begin: event.begin,
                peakScore: event.peakScore)
        }
    }

    private mutating func follow(_ record: LiveRecord) -> [LiveMessage] {
        records[record.kind, default: 0] += 1
        switch record {
        case .prediction(let prediction):
            let prediction = prediction.with(labels: Array(prediction.labels.prefix(PageState.labels)))
            newest[Stream(source: prediction.source, channel: prediction.channel)] = prediction
            last = prediction
            return [message(prediction)]
        case .source(let source):
            let index = shown.sources.firstIndex {
                $0.source == source.source && $0.channel == source.channel
            }
            switch (index, source.state) {
            case (let index?, .ended): shown.sources.remove(at: index)
            case (let index?, _): shown.sources[index] = source
            case (nil, .ended): break
            case (nil, _): shown.sources.append(source)
            }
            return [LiveMessage(.source, of: name) { source.writeMembers(to: &$0) }]
        case .adapter(let adapter):
            if adapter.source == nil { shown.adapter = adapter.active }
        case .lost(let lost): shown.lostRecords += lost.count
        case .gap(let gap) where gap.reason == .skipped:
            let hop = max(shown.hello?.hop ?? 1, 0.01)
            skippedWindows += UInt64(max(1, (gap.seconds / hop).rounded()))
        case .hop(let record): shown.hello?.hop = record.hopSeconds
        case .hello, .event, .gap, .level, .ongoing: break
        case .spectrum(let spectrum):
            shown.hasSpectrum = true
            return [LiveMessage(.spectrum, of: name) { spectrum.writeMembers(to: &$0) }]
        }
        return []
    }

    /// Changes that are new, each once.
    private mutating func apply(_ change: HistoryChange) -> [LiveMessage] {
        switch change {
        case .event(let event):
            if event.state == .begin {
                open[event.id] = OpenEvent(
                    source: event.source, label: event.label, adapter: event.adapter, begin: event.time,
                    peakScore: event.peakScore)
            } else {
                open[event.id] = nil
            }
            return [LiveMessage(.event, of: name) { event.writeMembers(to: &$0) }]
        case .interrupted(let exceptions, let time):
            let ended = open.filter { !exceptions.contains($0.key) }
            for id in ended.keys { open[id] = nil }
            return ended.sorted { $0.key < $1.key }.map { id, event in interruption(id, event, at: time) }
        case .gap(let gap):
            return [LiveMessage(.gap, of: name) { json in Self.write(gap, to: &json) }]
        case .run: return []
        }
    }

    private func interruption(_ id: String, _ event: OpenEvent, at time: Timestamp) -> LiveMessage {
        let end = Timestamp(unixNanos: max(time.unixNanos, event.begin.unixNanos))
        return LiveMessage(.event, of: name) { json in
            if let source = event.source { json.member("source", source) }
            json.member("state", "end")
            json.member("id", id)
            json.member("label", event.label)
            if let adapter = event.adapter { json.member("adapter", adapter) }
            json.member("time", end.description)
            json.member("peak_score", event.peakScore)
            json.member("duration", seconds: Double(end.unixNanos - event.begin.unixNanos) / 1e9)
            json.member("interrupted", true)
        }
    }

    private static func write(_ gap: HistoryGap, to json: inout JSONWriter) {
        json.member("reason", gap.reason.text)
        json.member("begin", gap.begin.description)
        json.member("end", gap.end.description)
        switch gap.reason {
        case .samples(let samples):
            if let source = samples.source { json.member("source", source) }
            json.member("seconds", seconds: samples.seconds)
            json.member("start_sample", samples.startSample)
            json.member("end_sample", samples.endSample)
        case .missed(let count): json.member("records", count)
        case .stopped: json.member("seconds", seconds: Double(gap.end.unixNanos - gap.begin.unixNanos) / 1e9)
        }
    }

    // MARK: The state

    func writeState(to json: inout JSONWriter) {
        let hello = shown.hello
        json.member("connected", shown.isConnected)
        json.member("reason", shown.isConnected ? nil : shown.reason ?? "not connected yet")
        json.member("version", hello?.version)
        json.member("run", hello?.run.text)
        json.member("model", hello?.model)
        json.member("adapter", shown.adapter)
        json.member("adapters", strings: shown.adapters)
        json.member("labels", hello?.labels ?? 0)
        json.member("window", seconds: hello?.window)
        json.member("hop", seconds: hello?.hop)
        json.member("paused", shown.isConnected && isPaused)
        json.member("level_dbfs", last?.levelDBFS, decimals: 1)
        json.member("pass_ms", last?.passMs, decimals: 1)
        json.member("latency_ms", last?.latencyMs, decimals: 1)
        json.member("spectrum", shown.hasSpectrum)
        json.member("skipped_windows", skippedWindows)
        json.member("lost_records", shown.lostRecords)
        json.key("sources")
        json.array { json in
            for source in shown.sources {
                json.object { json in
                    json.member("source", source.source)
                    json.member("channel", source.channel)
                    json.member("name", source.name)
                    json.member("state", source.state.rawValue)
                    json.member("message", source.message)
                }
            }
        }
        json.member("last", last?.time.description)
        json.key("events")
        json.array { json in
            for (id, event) in open.sorted(by: {
                ($0.value.begin.unixNanos, $0.key) < ($1.value.begin.unixNanos, $1.key)
            }) {
                json.object { json in
                    json.member("id", id)
                    json.member("source", event.source)
                    json.member("label", event.label)
                    json.member("adapter", event.adapter)
                    json.member("begin", event.begin.description)
                    json.member("peak_score", event.peakScore)
                }
            }
        }
    }
}
