internal import Detection
private import Glibc
private import SystemSupport
private import TextSupport

/// The layers that settings come from: a file, the environment and options; a later layer overrides an
/// earlier one.
public struct SettingsSources: Sendable {
    /// Returns why a value is rejected; empty if the table says it, `nil` if it is accepted.
    public typealias Check = @Sendable (String) -> String?

    /// `nil`: ``standardFile``, if it exists.
    public var file: String?
    /// `nil`: none. If it did not exist at the start, a reload reads it.
    private let standardFile: String?
    /// Only variables that begin with `ASTD_`.
    public var environment: [String: String]
    /// Options of the command line: texts by key, also `detection.labels.LABEL.FIELD`.
    public var flags: [String: [String]]
    /// The user's home directory; `nil`: unknown.
    private let home: String?
    /// Checks of modules that this one does not depend on, by key.
    private let checks: [String: Check]

    /// Variables that are not settings of the daemon.
    private static let otherVariables: Set<String> = [
        "ASTD_CONFIG", "ASTD_FFMPEG", "ASTD_KERNELS", "ASTD_MODELS_DIR", "ASTD_SOCKET",
    ]

    /// - Parameters:
    ///   - environment: Variables; only `HOME` and those that begin with `ASTD_` are read.
    ///   - checks: Checks by key, for values that only another module can judge.
    public init(
        file: String?, standardFile: String? = nil, environment: [String: String],
        flags: [String: [String]] = [:],
        checks: [String: Check] = [:]
    ) {
        self.file = file
        self.standardFile = standardFile
        self.checks = checks
        home = environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        // An empty variable counts as unset, everywhere in astd.
        self.environment = environment.filter { $0.key.hasPrefix("ASTD_") && !$0.value.isEmpty }
        // `--set` takes a list separated by colons, as a variable does; other options are repeated for each
        // element.
        self.flags = flags.reduce(into: [:]) { all, flag in
            guard let row = SettingTable.row(of: flag.key), row.isList, !row.hasOption else {
                return all[flag.key] = flag.value
            }
            all[flag.key] = flag.value.flatMap { $0.split(separator: row.separator).map(String.init) }
        }
    }

    /// Reads the file again and combines all layers.
    ///
    /// - Throws: ``SettingsRefusal`` with every problem.
    public func load() throws(SettingsRefusal) -> LoadedSettings {
        let path = self.file ?? standardFile.flatMap { access($0.systemPath, F_OK) == 0 ? $0 : nil }
        let file = path.map { SettingsFile(path: $0) }
        var problems = (file?.problems ?? []) + unknownNames()
        var loaded = LoadedSettings(settings: DaemonSettings(), file: path)
        loaded.isFileEmpty = file?.isEmpty ?? false
        for row in SettingTable.rows {
            guard let (texts, origin) = value(of: row, file) else { continue }
            do throws(SettingsProblem) {
                _ = try read(texts, of: row, key: row.key, from: origin, into: &loaded.settings)
                loaded.origins[row.key] = origin
            } catch {
                problems.append(error)
            }
        }
        problems += readExceptions(file?.labels ?? [:], into: &loaded)
        problems += readGroups(file, into: &loaded)
        problems += readSources(file, into: &loaded)
        problems += loaded.contradictions(in: loaded.settings)
        if !problems.isEmpty { throw SettingsRefusal(problems: problems.sorted { $0.line < $1.line }) }
        return loaded
    }

    /// Reads the texts of a setting.
    ///
    /// - Parameter key: How messages call the setting.
    /// - Returns: The texts that were read.
    func read(
        _ written: [String], of row: SettingRow, key: String, from origin: SettingOrigin,
        into settings: inout DaemonSettings
    ) throws(SettingsProblem) -> [String] {
        let texts = written.map { expandingHome($0, row.key) }
        let problem = texts.lazy.compactMap { text in
            (checks[row.key]?(text) ?? row.problem(text)).map { (text: text, reason: $0) }
        }.first
        if problem == nil, row.read(texts, &settings) { return texts }
        let found = problem?.text ?? texts.joined(separator: ", ")
        let isOption = if case .flag = origin { key == row.key } else { false }
        let key = isOption ? row.flag : key
        let kind: SettingsProblem.Kind =
            if let reason = problem?.reason, !reason.isEmpty {
                .contradiction("invalid value '\(found)' for \(key): \(reason)")
            } else { .badValue(key: key, found: found, allowed: row.allowed) }
        throw SettingsProblem(origin: origin, kind: kind)
    }

    /// The texts of the last layer that has the setting.
    private func value(of row: SettingRow, _ file: SettingsFile?) -> (texts: [String], origin: SettingOrigin)?
    {
        let separator = row.separator
        if let texts = flags[row.key] {
            return (row.isList ? texts : [texts.joined(separator: String(separator))], .flag(row.flag))
        }
        if let text = environment[row.variable] {
            let elements = text.split(separator: separator, omittingEmptySubsequences: false).map(String.init)
            return (row.isList ? elements : [text], .variable(row.variable))
        }
        guard let file, let entry = file.entries[row.key] else { return nil }
        return (entry.texts, .file(path: file.path, line: entry.line))
    }

    /// Replaces `~/` by the home directory, which only a shell would do, and not behind `name=` or `file:`.
    private func expandingHome(_ text: String, _ key: String) -> String {
        guard let home else { return text }
        let scheme = key == "source" && text.hasPrefix("file:") ? "file:" : ""
        guard SettingTable.paths.contains(key) || !scheme.isEmpty else { return text }
        let path = text.dropFirst(scheme.count)
        guard path.hasPrefix("~/") else { return text }
        return scheme + (home == "/" ? "" : home) + path.dropFirst()
    }

    private func unknownNames() -> [SettingsProblem] {
        let variables = Dictionary(uniqueKeysWithValues: SettingTable.rows.map { ($0.variable, $0.key) })
        let known = Set(variables.keys).union(Self.otherVariables)
        // The gateway has variables of its own.
        let own = environment.keys.filter { !$0.hasPrefix("ASTD_GATEWAY_") }
        let unknown = own.filter { !known.contains($0) }.sorted().map { name in
            let key = name.dropFirst(5).lowercased()
            // Without the common prefix, which would make short names look alike.
            let near = NearMiss.of(key, among: known.map { $0.dropFirst(5).lowercased() })
            return SettingsProblem(
                origin: .variable(name),
                kind: .unknownKey(
                    name, near: near.map { "ASTD_" + $0.uppercased() }, allowed: variables.keys.sorted()))
        }
        let keys = flags.keys.filter {
            SettingTable.byKey[$0] == nil && !$0.hasPrefix(SettingTable.labelsKey + ".")
                && !$0.hasPrefix(SettingTable.sourcesKey + ".")
                && !$0.hasPrefix(SettingTable.groupsKey + ".")
        }
        return unknown
            + keys.sorted().map { key in
                let section = key.split(separator: ".").dropLast().joined(separator: ".")
                return SettingsProblem(
                    origin: .flag("--set"), kind: SettingsFile.unknown(key, section: section))
            }
    }

    private func readExceptions(
        _ labels: [String: [String: SettingsFile.Entry]], into loaded: inout LoadedSettings
    ) -> [SettingsProblem] {
        var problems: [SettingsProblem] = []
        var exceptions = loaded.settings.detection.exceptions
        func read(_ text: String, _ label: String, _ field: String, _ origin: SettingOrigin) {
            if SettingTable.read(text, field, into: &exceptions[label, default: DetectionException()]) {
                loaded.origins["\(SettingTable.labelsKey).\(label).\(field)"] = origin
            } else {
                let key = "\(SettingTable.labelsKey).\(label).\(field)"
                let allowed = SettingTable.byKey["detection.\(field)"]?.allowed ?? "a number"
                problems.append(
                    SettingsProblem(origin: origin, kind: .badValue(key: key, found: text, allowed: allowed)))
            }
        }
        for (label, fields) in labels.sorted(by: { $0.key < $1.key }) {
            for (field, entry) in fields.sorted(by: { $0.key < $1.key }) {
                read(entry.texts.joined(), label, field, .file(path: loaded.file ?? "", line: entry.line))
            }
        }
        for (key, texts) in flags.sorted(by: { $0.key < $1.key })
        where key.hasPrefix(SettingTable.labelsKey + ".") {
            // A label may contain dots.
            let rest = key.dropFirst(SettingTable.labelsKey.count + 1)
            let field = String(rest.split(separator: ".").last ?? "")
            let label = String(rest.dropLast(field.count + 1))
            guard SettingTable.exceptionFields.contains(field), !label.isEmpty else {
                let kind = SettingsFile.unknownField(field, of: "\(SettingTable.labelsKey).\(label)")
                problems.append(SettingsProblem(origin: .flag("--set"), kind: kind))
                continue
            }
            read(texts.joined(separator: ":"), label, field, .flag("--set"))
        }
        loaded.settings.detection.exceptions = exceptions
        return problems
    }
}
