internal import Systemd
private import TextSupport
internal import Wire

/// Writes each event to systemd's journal, with fields to search for: `journalctl -u astd ASTD_LABEL=Siren`.
///
/// Threading: any thread; does not block.
struct EventJournal: Sendable {
    let journal: Journal

    func write(_ event: EventRecord) { journal.send(Self.fields(of: event)) }

    static func fields(of event: EventRecord) -> [Journal.Field] {
        let duration = FixedDecimals.text(event.duration, decimals: 3) ?? ""
        let score = event.peakScore.isFinite ? event.peakScore.description : ""
        let place = event.source.map { " (\($0))" } ?? ""
        let message =
            event.state == .begin
            ? "\(event.label) begins\(place), score \(score)"
            : "\(event.label) ends\(place) after \(duration) s, peak \(score)"
        var fields: [Journal.Field] = [
            ("MESSAGE", message), ("PRIORITY", "6"), ("SYSLOG_IDENTIFIER", "astd"),
            ("ASTD_EVENT", event.state.rawValue), ("ASTD_EVENT_ID", event.id), ("ASTD_LABEL", event.label),
            ("ASTD_TIME", event.time.description), ("ASTD_SCORE", score), ("ASTD_DURATION", duration),
        ]
        if let source = event.source { fields.append(("ASTD_SOURCE", source)) }
        if let adapter = event.adapter { fields.append(("ASTD_ADAPTER", adapter)) }
        return fields
    }
}
