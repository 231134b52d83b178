/// One setting of the gateway: its name, the values it accepts, how it is read and printed.
struct GatewaySettingRow: Sendable {
    /// Section and name joined by a dot; the same in the file, in variables and with `--set`.
    let key: String
    /// The accepted values, for people.
    let allowed: String
    /// The meaning, for people.
    let help: String
    var isList = false
    /// Reads one text, or several where `isList`; false when the value is not accepted.
    let read: @Sendable ([String], inout GatewaySettings) -> Bool
    /// The texts that ``read`` reads back; nil for a setting that is not set.
    let show: @Sendable (GatewaySettings) -> [String]?

    var variable: String { "ASTD_GATEWAY_" + key.uppercased().replacing(".", with: "_") }
}

typealias GatewaySettingPath<Value> = any WritableKeyPath<GatewaySettings, Value> & Sendable

extension GatewaySettingRow {
    /// A text that is not empty and is accepted by `accepts`.
    static func text(
        _ key: String, _ path: GatewaySettingPath<String>, _ allowed: String, _ help: String,
        accepts: @escaping @Sendable (String) -> Bool = { _ in true }
    ) -> GatewaySettingRow {
        GatewaySettingRow(
            key: key, allowed: allowed, help: help,
            read: { texts, settings in
                guard texts.count == 1, !texts[0].isEmpty, accepts(texts[0]) else { return false }
                settings[keyPath: path] = texts[0]
                return true
            }, show: { [$0[keyPath: path]] })
    }

    /// A text that may be absent: `null`, `~` or nothing.
    static func optional(
        _ key: String, _ path: GatewaySettingPath<String?>, _ allowed: String, _ help: String,
        accepts: @escaping @Sendable (String) -> Bool = { _ in true }
    ) -> GatewaySettingRow {
        GatewaySettingRow(
            key: key, allowed: allowed + ", or null", help: help,
            read: { texts, settings in
                guard texts.count == 1 else { return false }
                let isAbsent = ["", "~", "null"].contains(texts[0])
                guard isAbsent || accepts(texts[0]) else { return false }
                settings[keyPath: path] = isAbsent ? nil : texts[0]
                return true
            }, show: { $0[keyPath: path].map { [$0] } })
    }

    static func count(
        _ key: String, _ path: GatewaySettingPath<Int>, _ range: ClosedRange<Int>, _ help: String
    ) -> GatewaySettingRow {
        GatewaySettingRow(
            key: key, allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)", help: help,
            read: { texts, settings in
                guard texts.count == 1, let value = Int(texts[0]), range.contains(value) else { return false }
                settings[keyPath: path] = value
                return true
            }, show: { ["\($0[keyPath: path])"] })
    }

    static func flag(
        _ key: String, _ path: GatewaySettingPath<Bool>, _ help: String
    ) -> GatewaySettingRow {
        GatewaySettingRow(
            key: key, allowed: "true or false", help: help,
            read: { texts, settings in
                guard texts.count == 1, let value = ["true": true, "false": false][texts[0]] else {
                    return false
                }
                settings[keyPath: path] = value
                return true
            }, show: { ["\($0[keyPath: path])"] })
    }

    static func list(
        _ key: String, _ path: GatewaySettingPath<[String]>, _ allowed: String, _ help: String
    ) -> GatewaySettingRow {
        GatewaySettingRow(
            key: key, allowed: allowed, help: help, isList: true,
            read: { texts, settings in
                settings[keyPath: path] = texts
                return !texts.contains("")
            }, show: { $0[keyPath: path] })
    }
}

/// Every setting of the gateway, in the order in which they are printed.
///
/// `daemons`, a mapping of names to directories, and `notify`, a list of rules, have no row.
enum GatewaySettingTable {
    static let rows: [GatewaySettingRow] = [
        .text(
            "node", \.node, "a name without / + # and white space", "the name of this gateway",
            accepts: isTopicLevel),
        .optional(
            "history.path", \.history.path, "an absolute path",
            "the database of events; `null`: no history", accepts: { $0.hasPrefix("/") }),
        .count("history.days", \.history.days, 1...36_500, "age at which events are deleted"),
        .count(
            "history.megabytes", \.history.megabytes, 1...1_000_000,
            "size of the database at which the oldest events are deleted"),
        .count(
            "history.minute_labels", \.history.minuteLabels, 0...100,
            "labels of each minute whose scores are kept, the highest; 0: none"),
        .list(
            "history.clips", \.history.clips, "folders",
            "where the daemons keep clips: their `clips.directory`"),
        .optional(
            "mqtt.url", \.mqtt.url, "mqtt://HOST[:PORT] or mqtts://HOST[:PORT]",
            "the broker to publish to; `null`: none", accepts: { BrokerAddress($0) != nil }),
        .text(
            "mqtt.protocol", \.mqtt.protocolVersion, "3.1.1 or 5", "the version of MQTT",
            accepts: { ["3.1.1", "5"].contains($0) }),
        .optional("mqtt.user", \.mqtt.user, "a name", "the user at the broker"),
        .optional(
            "mqtt.password_file", \.mqtt.passwordFile, "an absolute path", "a file with the user's password",
            accepts: { $0.hasPrefix("/") }),
        .optional(
            "mqtt.ca_file", \.mqtt.caFile, "an absolute path",
            "certificates that may sign the broker's; `null`: the system's", accepts: { $0.hasPrefix("/") }),
        .optional(
            "mqtt.certificate_file", \.mqtt.certificateFile, "an absolute path",
            "the certificate of this client", accepts: { $0.hasPrefix("/") }),
        .optional(
            "mqtt.key_file", \.mqtt.keyFile, "an absolute path", "the key of that certificate",
            accepts: { $0.hasPrefix("/") }),
        .optional(
            "mqtt.client_id", \.mqtt.clientID, "a name", "the name at the broker; `null`: astd-gateway-NODE"),
        .list("mqtt.labels", \.mqtt.labels, "labels", "labels with a state and a score"),
        .flag("mqtt.discovery", \.mqtt.discovery, "whether Home Assistant finds the entities by itself"),
        .text(
            "mqtt.discovery_prefix", \.mqtt.discoveryPrefix, "a topic",
            "where Home Assistant looks for entities", accepts: { !$0.contains { "+#".contains($0) } }),
        .flag(
            "mqtt.commands", \.mqtt.commands,
            "whether clients of the broker may pause the daemons and choose adapters"),
        .optional(
            "http.listen", \.http.listen, "an address and a port, such as 127.0.0.1:8717",
            "where the page and its API are served; `null`: they are not",
            accepts: { PageAddress($0) != nil }),
        .flag(
            "http.control", \.http.control, "whether the page may pause the daemons and choose adapters"),
        .optional(
            "http.token_file", \.http.tokenFile, "an absolute path",
            "a file with the token that clients must send; needed for another address than loopback",
            accepts: { $0.hasPrefix("/") }),
        .list(
            "http.hosts", \.http.hosts, "host names",
            "names by which the page is opened, beside addresses and the machine's own name"),
    ]

    static let byKey = Dictionary(uniqueKeysWithValues: rows.map { ($0.key, $0) })
    /// A mapping of names to runtime directories.
    static let daemonsKey = "daemons"

    /// Whether a name can be one level of an MQTT topic, and a word on a command line.
    @Sendable static func isTopicLevel(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 64
            && name.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0.value != 0x7F && !"/+#$\"'\\".unicodeScalars.contains($0)
            }
    }
}
