import Wire

/// What a client that connects now has to know: the state of the source, whether it is loud, the active
/// variants, and the events in progress. Each is the last published record of its kind.
struct CurrentState {
    struct Part {
        /// The number of its record in the ``RecordHistory``; 0 if it was never published.
        let number: UInt64
        let record: LiveRecord
    }

    /// By name, in the order of their appearance; a single source may have none.
    private var sources: [(name: String?, part: Part)] = []
    /// The `begin` records of sources that are loud now.
    private var levels: [(name: String?, part: Part)] = []
    /// That of all sources, followed by those of single ones.
    private var adapters: [(name: String?, part: Part)] = []
    /// The `begin` records of the events in progress, oldest first.
    private var events: [(id: String, part: Part)] = []

    mutating func update(with record: LiveRecord, number: UInt64) {
        let part = Part(number: number, record: record)
        switch record {
        case .source(let source):
            let index = sources.firstIndex { $0.name == source.source }
            if let index { sources[index].part = part } else { sources.append((source.source, part)) }
        case .level(let level):
            levels.removeAll { $0.name == level.source }
            if level.state == .begin { levels.append((level.source, part)) }
        case .adapter(let record):
            // Without a source it holds for all.
            adapters = record.source == nil ? [] : adapters.filter { $0.name != record.source }
            adapters.append((record.source, part))
        case .event(let event):
            events.removeAll { $0.id == event.id }
            if event.state == .begin { events.append((event.id, part)) }
        case .hello, .prediction, .ongoing, .gap, .spectrum, .hop, .lost: break
        }
    }

    /// In the order in which a client receives them.
    var parts: [Part] {
        sources.map(\.part) + adapters.map(\.part) + levels.map(\.part) + events.map(\.part)
    }

    /// Removes a source that is no longer part of the settings.
    mutating func remove(source name: String) {
        sources.removeAll { $0.name == name }
        levels.removeAll { $0.name == name }
        adapters.removeAll { $0.name == name }
    }
}
