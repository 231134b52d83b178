internal import TextSupport
internal import Wire

/// The payload of an event: the record as on `events.sock`, with the daemon's name.
enum EventPayload {
    /// The same for a record that arrives again.
    static func key(of event: EventRecord, daemon: String) -> String {
        "\(daemon) \(event.state.rawValue) \(event.id)"
    }

    static func interruptionKey(of id: String, daemon: String) -> String { "\(daemon) interrupted \(id)" }

    static func text(of event: EventRecord, daemon: String) -> String {
        let text = JSONText { json in
            json.object { json in
                json.member("type", "event")
                json.member("daemon", daemon)
                event.writeMembers(to: &json)
            }
        }
        return String(decoding: text.bytes, as: UTF8.self)
    }

    /// The end of an event whose real end is not known.
    static func interruption(
        id: String, label: String, adapter: String?, begin: Int64, end: Int64, daemon: String
    ) -> String {
        let text = JSONText { json in
            json.object { json in
                json.member("type", "event")
                json.member("daemon", daemon)
                json.member("state", "end")
                json.member("id", id)
                json.member("label", label)
                if let adapter { json.member("adapter", adapter) }
                json.member("time", Timestamp(milliseconds: end).description)
                json.member("duration", seconds: Double(end - begin) / 1000)
                json.member("interrupted", true)
            }
        }
        return String(decoding: text.bytes, as: UTF8.self)
    }
}
