internal import Settings
private import TextSupport

/// Reads the list of `notify`: one mapping per rule.
struct NotifyRulesReader {
    static let key = "notify"
    private static let maximumRules = 20
    private static let ruleNames = [
        "name", "labels", "daemons", "min_score", "min_duration", "cooldown", "first_of_day", "quiet_hours",
        "title", "message", "command", "time_limit", "webhook",
    ]
    private static let webhookNames = [
        "url", "url_file", "token_file", "ca_file", "format", "body", "headers", "timeout",
    ]

    private let path: String
    private(set) var rules: [NotifyRule] = []
    private(set) var problems: [SettingsProblem] = []

    /// - Parameters:
    ///   - node: The value of `notify`.
    ///   - path: Of the file, for problems.
    init(_ node: YAMLNode, path: String) {
        self.path = path
        if node.isNull { return }
        let allowed =
            "a list of at most \(Self.maximumRules) rules, such as [{labels: [Siren], command: [...]}]"
        guard let items = node.items, items.count <= Self.maximumRules else {
            refuse(node, Self.key, node.items.map { "\($0.count) rules" } ?? "no list", allowed)
            return
        }
        for (index, item) in items.enumerated() {
            guard let rule = rule(item, at: index + 1) else { continue }
            if rules.contains(where: { $0.name == rule.name }) {
                problems.append(problem(item, .badFile("duplicate rule '\(rule.name)' in \(Self.key)")))
            }
            rules.append(rule)
        }
    }

    private mutating func rule(_ node: YAMLNode, at position: Int) -> NotifyRule? {
        let key = "\(Self.key)[\(position)]"
        guard let fields = fields(node, key, Self.ruleNames) else { return nil }
        var rule = NotifyRule(name: "\(position)", labels: [], action: .command([], limitSeconds: 30))
        var limit = 30.0
        var command: [String]?
        var webhook: NotifyRule.Webhook?
        for (name, value) in fields {
            let key = "\(key).\(name)"
            switch name {
            case "name":
                read(text(value, key, "a name") { $0.count <= 64 }) { rule.name = $0 }
            case "labels":
                read(texts(value, key, "labels or patterns, such as [Siren, 'Fire*']")) { rule.labels = $0 }
            case "daemons": read(texts(value, key, "names of daemons")) { rule.daemons = $0 }
            case "min_score": read(number(value, key, -100...100)) { rule.minScore = Float($0) }
            case "min_duration": read(number(value, key, 0...86_400)) { rule.minDuration = $0 }
            case "cooldown": read(number(value, key, 0...31_536_000)) { rule.cooldown = $0 }
            case "first_of_day": read(flag(value, key)) { rule.isFirstOfDay = $0 }
            case "quiet_hours": rule.quietHours = quietHours(value, key)
            case "title": read(template(value, key)) { rule.title = $0 }
            case "message": read(template(value, key)) { rule.message = $0 }
            case "command":
                let allowed =
                    "an absolute path of a program and its arguments, such as [/usr/bin/blink, siren]"
                read(texts(value, key, allowed) { $0[0].hasPrefix("/") }) { command = $0 }
            case "time_limit": read(number(value, key, 0.1...3600)) { limit = $0 }
            default: webhook = self.webhook(value, key)
            }
        }
        func has(_ name: String) -> Bool { fields.contains { $0.name == name } }
        if !has("labels") {
            problems.append(problem(node, .badFile("\(key) has no labels; add labels: [...]")))
        }
        if has("command") == has("webhook") {
            let reason =
                "\(key) has \(has("command") ? "both a" : "neither") command \(has("command") ? "and a" : "nor") webhook; a rule has one of them"
            problems.append(problem(node, .badFile(reason)))
        }
        if has("time_limit") && !has("command") {
            problems.append(
                problem(node, .badFile("\(key).time_limit is for a command; a webhook has webhook.timeout")))
        }
        if let command { rule.action = .command(command, limitSeconds: limit) }
        if let webhook { rule.action = .webhook(webhook) }
        return rule
    }

    private mutating func webhook(_ node: YAMLNode, _ key: String) -> NotifyRule.Webhook? {
        var webhook = NotifyRule.Webhook()
        let allowed = "http:// or https:// and a host, without white space"
        if node.text != nil {
            read(text(node, key, allowed, isSecret: true) { HTTPPost.isURL($0) }) { webhook.url = $0 }
            return webhook
        }
        guard let fields = fields(node, key, Self.webhookNames) else { return nil }
        for (name, value) in fields {
            let key = "\(key).\(name)"
            switch name {
            case "url":
                read(text(value, key, allowed, isSecret: true) { HTTPPost.isURL($0) }) { webhook.url = $0 }
            case "url_file": read(file(value, key)) { webhook.urlFile = $0 }
            case "token_file": read(file(value, key)) { webhook.tokenFile = $0 }
            case "ca_file": read(file(value, key)) { webhook.caFile = $0 }
            case "format":
                let words = NotifyRule.Webhook.Format.allCases.map(\.rawValue)
                read(text(value, key, words.joined(separator: ", ")) { words.contains($0) }) {
                    webhook.format = NotifyRule.Webhook.Format(rawValue: $0) ?? .json
                }
            case "body": read(template(value, key)) { webhook.body = $0 }
            case "headers": webhook.headers = headers(value, key)
            default: read(number(value, key, 0.1...300)) { webhook.timeoutSeconds = $0 }
            }
        }
        let addresses = fields.count { ["url", "url_file"].contains($0.name) }
        if addresses != 1 {
            let found = addresses == 0 ? "neither url nor url_file" : "both url and url_file"
            problems.append(problem(node, .badFile("\(key) has \(found); a webhook has one of them")))
        }
        return webhook
    }

    // MARK: Values

    private mutating func headers(_ node: YAMLNode, _ key: String) -> [NotifyRule.Webhook.Header] {
        guard let pairs = node.pairs else {
            refuse(node, key, "no mapping", "names and values")
            return []
        }
        return pairs.compactMap { pair in
            guard let name = pair.name.text, let value = pair.value.text, !name.isEmpty,
                name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }),
                value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
            else {
                refuse(pair.value, key, pair.name.text ?? "a list", "a name and one line of ASCII")
                return nil
            }
            return .init(name: name, value: value)
        }
    }

    private mutating func quietHours(_ node: YAMLNode, _ key: String) -> [QuietHours] {
        guard let texts = texts(node, key, QuietHours.allowed) else { return [] }
        return texts.compactMap { text in
            if let hours = QuietHours(text) { return hours }
            refuse(node, key, text, QuietHours.problem(in: text) ?? QuietHours.allowed)
            return nil
        }
    }

    private mutating func template(_ node: YAMLNode, _ key: String) -> String? {
        let allowed = "text with {\(NotifyText.placeholders.joined(separator: "}, {"))}"
        guard let text = text(node, key, allowed) else { return nil }
        guard let unknown = NotifyText.unknownPlaceholders(in: text).first else { return text }
        refuse(node, key, "{\(unknown)}", allowed)
        return nil
    }

    private mutating func file(_ node: YAMLNode, _ key: String) -> String? {
        text(node, key, "an absolute path") { $0.hasPrefix("/") }
    }

    private mutating func flag(_ node: YAMLNode, _ key: String) -> Bool? {
        text(node, key, "true or false") { ["true", "false"].contains($0) }.map { $0 == "true" }
    }

    private mutating func number(_ node: YAMLNode, _ key: String, _ range: ClosedRange<Double>) -> Double? {
        let allowed = "a number from \(short(range.lowerBound)) to \(short(range.upperBound))"
        return text(node, key, allowed) { Double($0).map { range.contains($0) } ?? false }.flatMap {
            Double($0)
        }
    }

    private func short(_ value: Double) -> String { value == value.rounded() ? "\(Int(value))" : "\(value)" }

    private mutating func text(
        _ node: YAMLNode, _ key: String, _ allowed: String, isSecret: Bool = false,
        accepts: (String) -> Bool = { _ in true }
    ) -> String? {
        guard !node.isNull, let text = node.text, !text.isEmpty, accepts(text) else {
            let found =
                isSecret && node.text != nil
                ? "***" : node.text ?? (node.items == nil ? "a mapping" : "a list")
            refuse(node, key, found, allowed)
            return nil
        }
        return text
    }

    /// A list of texts that is not empty, or one text.
    private mutating func texts(
        _ node: YAMLNode, _ key: String, _ allowed: String, accepts: ([String]) -> Bool = { _ in true }
    ) -> [String]? {
        let texts = node.items.map { $0.compactMap(\.text) } ?? node.text.map { [$0] } ?? []
        guard !texts.isEmpty, texts.count == (node.items?.count ?? 1), !texts.contains(""), !node.isNull,
            accepts(texts)
        else {
            refuse(node, key, node.text ?? (node.items == nil ? "a mapping" : "a list"), allowed)
            return nil
        }
        return texts
    }

    /// The fields of a mapping; refuses unknown and duplicate names.
    private mutating func fields(
        _ node: YAMLNode, _ key: String, _ names: [String]
    ) -> [(name: String, value: YAMLNode)]? {
        guard let pairs = node.pairs else {
            refuse(node, key, node.text == nil ? "a list" : "text", "a mapping of names to values")
            return nil
        }
        var fields: [(name: String, value: YAMLNode)] = []
        for pair in pairs {
            let name = pair.name.text ?? ""
            if !names.contains(name) {
                problems.append(
                    problem(
                        pair.name,
                        .unknownKey("\(key).\(name)", near: NearMiss.of(name, among: names), allowed: names)))
            } else if fields.contains(where: { $0.name == name }) {
                problems.append(problem(pair.name, .badFile("duplicate setting '\(key).\(name)'")))
            } else {
                fields.append((name, pair.value))
            }
        }
        return fields
    }

    private func read<Value>(_ value: Value?, _ use: (Value) -> Void) { if let value { use(value) } }

    private mutating func refuse(_ node: YAMLNode, _ key: String, _ found: String, _ allowed: String) {
        problems.append(problem(node, .badValue(key: key, found: found, allowed: allowed)))
    }

    private func problem(_ node: YAMLNode, _ kind: SettingsProblem.Kind) -> SettingsProblem {
        SettingsProblem(origin: .file(path: path, line: node.line), kind: kind)
    }
}
