private import Configuration
internal import Detection
private import Synchronization
private import TextSupport

/// Where settings come from: a file, then the environment, then flags; the later ones win.
public struct SettingsSources: Sendable {
    /// `nil`: no file.
    public var file: String?
    /// Variables that are not ours are left alone.
    public var environment: [String: String]
    /// Texts by key, as ``SettingTable`` calls it; also `detection.labels.LABEL.FIELD`.
    public var flags: [String: [String]]

    public static let standardFile = "/etc/astd/astd.yaml"
    /// Variables that are no settings of the daemon.
    private static let otherVariables: Set<String> = ["ASTD_CONFIG", "ASTD_SOCKET"]
    /// Between the elements of a list in a variable or a flag, as in PATH.
    private static let listSeparator: Character = ":"

    public init(file: String?, environment: [String: String], flags: [String: [String]] = [:]) {
        self.file = file
        // An empty variable is as none, as everywhere.
        self.environment = environment.filter { $0.key.hasPrefix("ASTD_") && !$0.value.isEmpty }
        // `--set` gives a list as a variable does; options of their own may be given several times instead.
        self.flags = flags.reduce(into: [:]) { all, flag in
            let row = SettingTable.byKey[flag.key]
            let isJoined = row.map { $0.isList && $0.flag.hasPrefix("--set") } ?? false
            all[flag.key] =
                isJoined
                ? flag.value.flatMap { $0.split(separator: Self.listSeparator).map(String.init) } : flag.value
        }
    }

    /// Reads everything anew.
    ///
    /// - Throws: ``SettingsRefusal`` with all that is wrong.
    public func load() throws(SettingsRefusal) -> LoadedSettings {
        let file = file.map { SettingsFile(path: $0) }
        var problems = (file?.problems ?? []) + unknownNames()
        var loaded = LoadedSettings(settings: Settings(), file: self.file)
        let reader = LayeredReader(
            flags: flags, environment: environment, file: file?.entries.mapValues(\.texts) ?? [:],
            listSeparator: Self.listSeparator)
        for row in SettingTable.rows {
            guard let (texts, layer) = reader.texts(of: row) else { continue }
            let origin = origin(of: row, layer, line: file?.entries[row.key]?.line)
            if row.read(texts, &loaded.settings) {
                loaded.origins[row.key] = origin
            } else {
                let found = texts.joined(separator: ", ")
                let key = if case .flag = origin { row.flag } else { row.key }
                problems.append(
                    SettingsProblem(
                        origin: origin, kind: .badValue(key: key, found: found, allowed: row.allowed)))
            }
        }
        problems += readExceptions(file?.labels ?? [:], into: &loaded)
        problems += loaded.contradictions()
        if !problems.isEmpty { throw SettingsRefusal(problems: problems.sorted { $0.line < $1.line }) }
        return loaded
    }

    private func origin(of row: SettingRow, _ layer: LayeredReader.Layer, line: Int?) -> SettingOrigin {
        switch layer {
        case .flags: .flag(row.flag)
        case .environment: .variable(row.variable)
        case .file: .file(path: file ?? "", line: line)
        }
    }

    private func unknownNames() -> [SettingsProblem] {
        let variables = Dictionary(uniqueKeysWithValues: SettingTable.rows.map { ($0.variable, $0.key) })
        let known = Set(variables.keys).union(Self.otherVariables)
        let strangers = environment.keys.filter { !known.contains($0) }.sorted().map { name in
            let key = name.dropFirst(5).lowercased()
            let near = SettingTable.rows.first { $0.key.replacing(".", with: "_") == key }?.variable
            return SettingsProblem(
                origin: .variable(name),
                kind: .unknownKey(
                    name, near: near ?? NearMiss.of(name, among: known), allowed: variables.keys.sorted()))
        }
        let keys = flags.keys.filter {
            SettingTable.byKey[$0] == nil && !$0.hasPrefix(SettingTable.labelsKey + ".")
        }
        return strangers
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
                read(entry.texts.joined(), label, field, .file(path: file ?? "", line: entry.line))
            }
        }
        for (key, texts) in flags.sorted(by: { $0.key < $1.key })
        where key.hasPrefix(SettingTable.labelsKey + ".") {
            // Labels may have dots of their own.
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

/// Three layers of texts under one reader; remembers which of them answered.
private struct LayeredReader {
    enum Layer: Int { case flags, environment, file }

    private let reader: ConfigReader
    private let answers = Answers()

    init(
        flags: [String: [String]], environment: [String: String], file: [String: [String]],
        listSeparator: Character
    ) {
        func provider(_ name: String, _ layer: [String: [String]]) -> InMemoryProvider {
            var values: [AbsoluteConfigKey: ConfigValue] = [:]
            for (key, texts) in layer {
                guard let row = SettingTable.byKey[key] else { continue }
                values[AbsoluteConfigKey(row.components)] = ConfigValue(
                    row.isList
                        ? .stringArray(texts) : .string(texts.joined(separator: String(listSeparator))),
                    isSecret: false)
            }
            return InMemoryProvider(name: name, values: values)
        }
        reader = ConfigReader(
            providers: [
                provider("flags", flags),
                EnvironmentVariablesProvider(
                    environmentVariables: environment, arraySeparator: listSeparator
                ).prefixKeys(with: "astd"),
                provider("file", file),
            ], accessReporter: answers)
    }

    func texts(of row: SettingRow) -> ([String], Layer)? {
        let key = ConfigKey(row.components)
        let texts = row.isList ? reader.stringArray(forKey: key) : reader.string(forKey: key).map { [$0] }
        guard let texts, let layer = answers.last else { return nil }
        return (texts, layer)
    }

    /// Which provider had the value that was asked for last.
    private final class Answers: AccessReporter {
        private let index = Mutex<Int?>(nil)

        var last: Layer? { index.withLock { $0 }.flatMap(Layer.init(rawValue:)) }

        func report(_ event: AccessEvent) {
            let first = event.providerResults.firstIndex { (try? $0.result.get().value) != nil }
            index.withLock { $0 = first }
        }
    }
}
