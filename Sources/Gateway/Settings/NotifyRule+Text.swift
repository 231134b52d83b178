private import Settings
private import SystemSupport

extension NotifyRule {
    /// The rule as an item of the configuration file. Secrets are masked.
    var lines: [String] {
        var fields = [("name", YAMLNode.scalar(name)), ("labels", Self.list(labels))]
        if !daemons.isEmpty { fields.append(("daemons", Self.list(daemons))) }
        if minScore != 0 { fields.append(("min_score", "\(minScore)")) }
        if minDuration != 0 { fields.append(("min_duration", "\(minDuration)")) }
        if cooldown != 0 { fields.append(("cooldown", "\(cooldown)")) }
        if isFirstOfDay { fields.append(("first_of_day", "true")) }
        if !quietHours.isEmpty { fields.append(("quiet_hours", Self.list(quietHours.map(\.text)))) }
        fields += [("title", YAMLNode.scalar(title)), ("message", YAMLNode.scalar(message))]
        var lines = fields.enumerated().map {
            "  \($0.offset == 0 ? "-" : " ") \($0.element.0): \($0.element.1)"
        }
        switch action {
        case .command(let arguments, let limit):
            lines.append("    command: \(Self.list(arguments.map(Credentials.masked)))")
            lines.append("    time_limit: \(limit)")
        case .webhook(let webhook): lines += webhook.lines
        }
        return lines
    }

    fileprivate static func list(_ texts: [String]) -> String {
        "[\(texts.map(YAMLNode.scalar).joined(separator: ", "))]"
    }
}

extension NotifyRule.Webhook {
    fileprivate var lines: [String] {
        var lines = ["    webhook:"]
        func add(_ name: String, _ value: String?) {
            if let value { lines.append("      \(name): \(YAMLNode.scalar(value))") }
        }
        // The path of a webhook's URL is its password.
        add("url", url.map { url in HTTPPost.place(of: url) == url ? url : HTTPPost.place(of: url) + "/***" })
        add("url_file", urlFile)
        add("token_file", tokenFile)
        add("ca_file", caFile)
        add("format", format.rawValue)
        // Some services take their password in the body.
        add("body", body.map { _ in "***" })
        add("timeout", "\(timeoutSeconds)")
        if !headers.isEmpty {
            lines.append("      headers:")
            // Any header may be a password.
            for header in headers {
                let value = header.name.lowercased() == "content-type" ? header.value : "***"
                lines.append("        \(YAMLNode.scalar(header.name)): \(YAMLNode.scalar(value))")
            }
        }
        return lines
    }
}
