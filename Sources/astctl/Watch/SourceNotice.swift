import DaemonClient
import Wire

/// Reports on standard error, where output goes to a pipe, why nothing or not everything is heard.
struct SourceNotice {
    /// By source; a single one may have no name.
    private var last: [String: String] = [:]
    /// Labels of the events in progress, by id.
    private var events: [String: String] = [:]
    /// Why the daemon does not answer, as reported.
    private var hang: String?

    /// The line to print; nil when nothing has changed.
    mutating func line(for record: LiveRecord) -> String? {
        guard case .source(let source) = record else { return nil }
        let trouble = source.isFine ? nil : source.sentence
        let name = source.source ?? ""
        defer { last[name] = trouble }
        guard trouble != last[name] else { return nil }
        return "astctl: " + Text.printable(source.sentence) + "\n"
    }

    /// The line to print when the daemon is back.
    mutating func line(for resumption: SubscribeReply.Resumption?) -> String {
        var parts = ["astctl: the daemon is back"]
        if resumption?.isSameRun == false {
            parts.append("in another run")
            let labels = Set(events.values).sorted()
            if !labels.isEmpty { parts[1] += "; interrupted: " + labels.joined(separator: ", ") }
            (last, events) = ([:], [:])
        }
        if let missed = resumption?.missedPredictions, missed > 0 { parts.append("\(missed) windows missed") }
        if resumption?.hasMissedEvents == true { parts.append("events missed") }
        return Text.printable(parts.joined(separator: ", ")) + "\n"
    }

    /// The line to print; nil when nothing has changed.
    mutating func line(forHang hang: String?) -> String? {
        defer { self.hang = hang }
        guard hang != self.hang else { return nil }
        return "astctl: " + (hang ?? "the daemon answers again") + "\n"
    }

    mutating func process(_ next: LiveSubscription.Next, of subscription: LiveSubscription) throws {
        if case .interrupted = next {
            hang = nil
        } else if let line = line(forHang: subscription.hang) {
            try Output.standardError.write(line)
        }
        switch next {
        case .nothing, .record(nil, _): break
        case .record(let record?, _):
            if case .event(let event) = record {
                events[event.id] = event.state == .begin ? event.label : nil
            }
            if let line = line(for: record) { try Output.standardError.write(line) }
        case .interrupted:
            let path = Text.printable(subscription.path)
            try Output.standardError.write(
                "astctl: the daemon at \(path) has ended; waiting for its return\n")
        case .resumed(_, let resumption):
            try Output.standardError.write(line(for: resumption))
        }
    }
}
