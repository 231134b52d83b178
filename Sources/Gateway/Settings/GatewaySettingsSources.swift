public import Settings
private import SystemSupport
private import TextSupport

/// The layers that the gateway's settings come from: a file, the environment and `--set`; a later layer
/// overrides an earlier one.
public struct GatewaySettingsSources: Sendable {
    public static let standardFile = "/etc/astd/gateway.yaml"

    private let file: String?
    private let environment: [String: String]
    private let flags: [String: [String]]

    /// - Parameters:
    ///   - file: nil: `$ASTD_GATEWAY_CONFIG`, else ``standardFile`` if it exists.
    ///   - environment: Only names that begin with `ASTD_GATEWAY_` are read.
    ///   - assignments: By key, the values of `--set`.
    public init(file: String?, environment: [String: String], assignments: [String: String] = [:]) {
        self.environment = environment.filter { $0.key.hasPrefix("ASTD_GATEWAY_") && !$0.value.isEmpty }
        self.file =
            file ?? environment["ASTD_GATEWAY_CONFIG"]
            ?? (StandardPaths.fileExists(Self.standardFile) ? Self.standardFile : nil)
        flags = assignments.mapValues { [$0] }
    }

    /// Reads the file and combines all layers.
    ///
    /// - Throws: `SettingsRefusal` with every problem.
    public func load() throws(SettingsRefusal) -> LoadedGatewaySettings {
        var loaded = LoadedGatewaySettings(settings: GatewaySettings(), file: file)
        var reader = GatewaySettingsFile(path: file)
        loaded.settings.daemons = reader.daemons ?? loaded.settings.daemons
        var problems = unknownNames()
        for row in GatewaySettingTable.rows {
            guard let (texts, origin) = value(of: row, reader) else { continue }
            if row.read(texts, &loaded.settings) {
                loaded.origins[row.key] = origin
            } else {
                reader.problems.append(
                    SettingsProblem(
                        origin: origin,
                        kind: .badValue(
                            key: row.key, found: texts.joined(separator: ", "), allowed: row.allowed)))
            }
        }
        loaded.settings.notify = reader.notify
        if let line = reader.notifyLine {
            let origin = SettingOrigin.file(path: file ?? "", line: line)
            loaded.origins[NotifyRulesReader.key] = origin
            problems += unknownDaemons(loaded.settings, origin)
        }
        if let line = reader.daemonsLine {
            loaded.origins[GatewaySettingTable.daemonsKey] = .file(path: file ?? "", line: line)
        }
        problems += reader.problems
        problems += addressProblems(loaded)
        if !problems.isEmpty { throw SettingsRefusal(problems: problems) }
        return loaded
    }

    /// The texts of the last layer that has the setting.
    private func value(
        of row: GatewaySettingRow, _ file: GatewaySettingsFile
    ) -> (texts: [String], origin: SettingOrigin)? {
        func texts(_ text: String) -> [String] {
            row.isList ? text.split(separator: ":").map(String.init) : [text]
        }
        if let flag = flags[row.key]?.first { return (texts(flag), .flag("--set \(row.key)")) }
        if let text = environment[row.variable] { return (texts(text), .variable(row.variable)) }
        guard let entry = file.entries[row.key] else { return nil }
        return (entry.texts, .file(path: file.path ?? "", line: entry.line))
    }

    /// A rule for a daemon that is not followed would never notify.
    private func unknownDaemons(_ settings: GatewaySettings, _ origin: SettingOrigin) -> [SettingsProblem] {
        let names = settings.daemons.map(\.name)
        return settings.notify.flatMap { rule in
            rule.daemons.filter { !names.contains($0) }.map { name in
                SettingsProblem(
                    origin: origin,
                    kind: .badValue(
                        key: "daemons of the rule '\(rule.name)'", found: name,
                        allowed: names.joined(separator: " or ")))
            }
        }
    }

    /// Whoever reaches another address than loopback could read everything.
    private func addressProblems(_ loaded: LoadedGatewaySettings) -> [SettingsProblem] {
        let http = loaded.settings.http
        guard http.tokenFile == nil, let text = http.listen, let address = PageAddress(text),
            !address.isLoopback
        else { return [] }
        return [
            SettingsProblem(
                origin: loaded.origins["http.listen"] ?? .fallback,
                kind: .badValue(
                    key: "http.listen", found: text,
                    allowed: "a loopback address, such as 127.0.0.1:8717, unless http.token_file is set"))
        ]
    }

    private func unknownNames() -> [SettingsProblem] {
        let keys = GatewaySettingTable.rows.map(\.key)
        let variables = GatewaySettingTable.rows.map(\.variable)
        let unknownVariables = environment.keys.sorted().filter {
            !variables.contains($0) && $0 != "ASTD_GATEWAY_CONFIG"
        }
        let unknownFlags = flags.keys.sorted().filter { GatewaySettingTable.byKey[$0] == nil }
        return unknownVariables.map { name in
            SettingsProblem(
                origin: .variable(name),
                kind: .unknownKey(name, near: NearMiss.of(name, among: variables), allowed: variables))
        }
            + unknownFlags.map { key in
                SettingsProblem(
                    origin: .flag("--set"),
                    kind: .unknownKey(key, near: NearMiss.of(key, among: keys), allowed: keys))
            }
    }
}

/// The gateway's settings, and the place that each comes from.
public struct LoadedGatewaySettings: Equatable, Sendable {
    public var settings: GatewaySettings
    /// The file that was read; nil when there is none.
    public var file: String?
    /// By key; a key that is absent has its default.
    public internal(set) var origins: [String: SettingOrigin] = [:]

    /// The effective settings as a configuration file, with each line's origin in a comment. Passwords are
    /// masked.
    public var text: String {
        var lines: [String] = []
        var section = ""
        for row in GatewaySettingTable.rows {
            let parts = row.key.split(separator: ".").map(String.init)
            if parts.count == 2, parts[0] != section {
                if section.isEmpty { lines += daemonLines }
                lines.append("\(parts[0]):")
                section = parts[0]
            }
            let texts = row.show(settings).map { $0.map { YAMLNode.scalar(Credentials.masked($0)) } }
            let value = row.isList ? "[\((texts ?? []).joined(separator: ", "))]" : texts?.first ?? "null"
            lines.append(line("\(parts.count == 2 ? "  " : "")\(parts.last ?? ""): \(value)", row.key))
        }
        return (lines + notifyLines).map { $0 + "\n" }.joined()
    }

    private var daemonLines: [String] {
        ["\(GatewaySettingTable.daemonsKey):"]
            + settings.daemons.map { daemon in
                let directory = YAMLNode.scalar(daemon.runtimeDirectory)
                return line(
                    "  \(YAMLNode.scalar(daemon.name)): \(directory)", GatewaySettingTable.daemonsKey)
            }
    }

    private var notifyLines: [String] {
        [line("\(NotifyRulesReader.key):\(settings.notify.isEmpty ? " []" : "")", NotifyRulesReader.key)]
            + settings.notify.flatMap(\.lines)
    }

    private func line(_ text: String, _ key: String) -> String {
        text + String(repeating: " ", count: max(1, 44 - text.count)) + "# \(origins[key] ?? .fallback)"
    }
}
