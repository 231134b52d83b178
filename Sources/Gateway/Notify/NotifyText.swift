internal import SystemSupport
internal import TextSupport
internal import Wire

/// What a notification says: the event as JSON, as variables, and in the templates of a rule.
struct NotifyText {
    let event: NotifiedEvent
    let rule: NotifyRule
    /// Name of the gateway.
    let node: String
    var zone = TimeZoneRule.local

    /// Placeholders that templates may have.
    static let placeholders = [
        "label", "daemon", "source", "adapter", "score", "duration", "time", "date", "begin", "id", "state",
        "node", "rule",
    ]

    /// The placeholders of a template that do not exist.
    static func unknownPlaceholders(in template: String) -> [String] {
        var unknown: [String] = []
        _ = fill(template) { name in
            if !placeholders.contains(name) { unknown.append(name) }
            return ""
        }
        return unknown
    }

    var title: String { filled(rule.title) }
    var message: String { filled(rule.message) }

    /// A line of JSON.
    var json: [UInt8] { Record(text: self).encoded() }

    /// A template with the event's values.
    ///
    /// - Parameter isJSON: Whether values are escaped as the inside of a JSON string.
    func filled(_ template: String, isJSON: Bool = false) -> String {
        Self.fill(template) { name in
            let value = value(of: name) ?? ""
            guard isJSON else { return value }
            let quoted = JSONText { $0.string(value) }
            return String(decoding: quoted.bytes.dropFirst().dropLast(), as: UTF8.self)
        }
    }

    /// `ASTD_LABEL=Siren` and the like.
    ///
    /// A text of a program's environment has the form of ``PathText``, so that a label with a backslash keeps
    /// it; NUL, which would end the text, becomes U+FFFD.
    var variables: [String] {
        var values = Self.placeholders.map { ($0, value(of: $0) ?? "") }
        values += [("title", title), ("message", message)]
        return values.map { name, value in
            let text = value.replacing("\0", with: "\u{FFFD}")
            return "ASTD_\(name.uppercased())=" + PathText.text(Array(text.utf8))
        }
    }

    private func value(of placeholder: String) -> String? {
        switch placeholder {
        case "label": event.label
        case "daemon": event.daemon
        case "source": event.source
        case "adapter": event.adapter
        case "score":
            event.peakScore.isFinite ? FixedDecimals.text(Double(event.peakScore), decimals: 2) : nil
        case "duration": FixedDecimals.text(event.duration, decimals: 1)
        case "time": String(localBegin.dropFirst(11).prefix(5))
        case "date": String(localBegin.prefix(10))
        case "begin": event.begin.description
        case "id": event.id
        case "state": event.state.rawValue
        case "node": node
        case "rule": rule.name
        default: nil
        }
    }

    private var localBegin: String {
        let seconds = Int((Double(event.begin.unixNanos) / 1e9).rounded(.down))
        return event.begin.text(offsetSeconds: zone.offsetSeconds(atUnixSeconds: seconds))
    }

    /// Replaces `{name}`; braces around anything else stay, such as those of JSON.
    private static func fill(_ template: String, _ value: (String) -> String) -> String {
        var result = ""
        var rest = template[...]
        while let open = rest.firstIndex(of: "{") {
            result += rest[..<open]
            let inner = rest[rest.index(after: open)...]
            let name = inner.prefix { $0.isASCII && ($0.isLowercase || $0 == "_") }
            if !name.isEmpty, name.endIndex < inner.endIndex, inner[name.endIndex] == "}" {
                result += value(String(name))
                rest = inner[inner.index(after: name.endIndex)...]
            } else {
                result.append("{")
                rest = inner
            }
        }
        return result + rest
    }

    private struct Record: JSONRecord {
        let text: NotifyText

        func writeMembers(to json: inout JSONWriter) {
            let event = text.event
            json.member("rule", text.rule.name)
            json.member("node", text.node)
            json.member("daemon", event.daemon)
            if let source = event.source { json.member("source", source) }
            json.member("id", event.id)
            json.member("label", event.label)
            json.member("adapter", event.adapter)
            json.member("state", event.state.rawValue)
            json.member("begin", event.begin.description)
            json.member("duration", seconds: event.duration)
            json.member("peak_score", event.peakScore)
            json.member("title", text.title)
            json.member("message", text.message)
        }
    }
}
