import Wire

/// What a client that connects now has to know: the state of the source, the active variants, and the events
/// in progress. Each is the last published record of its kind.
struct CurrentState {
    private var source: SourceRecord?
    private var adapter: AdapterRecord?
    /// The `begin` records of the events in progress, oldest first.
    private var events: [EventRecord] = []

    mutating func update(with record: LiveRecord) {
        switch record {
        case .source(let record): source = record
        case .adapter(let record): adapter = record
        case .event(let event):
            events.removeAll { $0.id == event.id }
            if event.state == .begin { events.append(event) }
        case .hello, .prediction, .gap, .lost: break
        }
    }

    /// In the order in which a client receives them.
    var records: [LiveRecord] {
        var records: [LiveRecord] = []
        if let source { records.append(.source(source)) }
        if let adapter { records.append(.adapter(adapter)) }
        return records + events.map { .event($0) }
    }
}
