internal import Settings
private import TextSupport

/// The gateway's configuration file: YAML mappings with the names of ``GatewaySettingTable``.
struct GatewaySettingsFile {
    struct Entry {
        var texts: [String]
        var line: Int
    }

    let path: String?
    /// By key; only known keys.
    private(set) var entries: [String: Entry] = [:]
    /// nil: the file does not name any.
    private(set) var daemons: [GatewaySettings.Daemon]?
    private(set) var daemonsLine: Int?
    private(set) var notify: [NotifyRule] = []
    private(set) var notifyLine: Int?
    var problems: [SettingsProblem] = []

    /// Reads a file; collects ``problems`` instead of throwing.
    ///
    /// - Parameter path: `nil`: without a file, all settings have their defaults.
    init(path: String?) {
        self.path = path
        guard let path else { return }
        do throws(SettingsProblem) {
            parse(try SettingsFile.text(of: path))
        } catch {
            problems = [error]
        }
    }

    private mutating func parse(_ text: String) {
        do throws(YAMLRefusal) {
            guard let root = try YAMLDocument.root(of: text), !root.isNull else { return }
            guard let pairs = root.pairs else {
                return refuse(root, .badFile("must be a mapping of names to values, such as node: kitchen"))
            }
            read(pairs, section: "")
        } catch {
            problems.append(
                SettingsProblem(
                    origin: .file(path: path ?? "", line: error.line),
                    kind: .badFile("invalid YAML: \(error.reason)")))
        }
    }

    private mutating func read(_ pairs: [YAMLNode.Pair], section: String) {
        var names = Set<String>()
        for pair in pairs {
            guard let name = pair.name.text else {
                refuse(pair.name, .badFile("a name must be text"))
                continue
            }
            let key = section.isEmpty ? name : "\(section).\(name)"
            if !names.insert(name).inserted {
                refuse(pair.name, .badFile("duplicate setting '\(key)'"))
            } else if key == GatewaySettingTable.daemonsKey {
                readDaemons(pair.value)
            } else if key == NotifyRulesReader.key {
                let reader = NotifyRulesReader(pair.value, path: path ?? "")
                (notify, notifyLine) = (reader.rules, pair.value.line)
                problems += reader.problems
            } else if let row = GatewaySettingTable.byKey[key] {
                read(pair.value, row)
            } else if GatewaySettingTable.rows.contains(where: { $0.key.hasPrefix(key + ".") }) {
                if let inner = pair.value.pairs {
                    read(inner, section: key)
                } else if !pair.value.isNull {
                    refuse(pair.value, .badFile("\(key) must be a mapping of names to values"))
                }
            } else {
                let here = Self.names(in: section)
                refuse(pair.name, .unknownKey(key, near: NearMiss.of(key, among: here), allowed: here))
            }
        }
    }

    /// The keys that a section accepts.
    private static func names(in section: String) -> [String] {
        let prefix = section.isEmpty ? "" : section + "."
        var names = section.isEmpty ? [GatewaySettingTable.daemonsKey, NotifyRulesReader.key] : []
        for key in GatewaySettingTable.rows.map(\.key) where key.hasPrefix(prefix) {
            let name = prefix + key.dropFirst(prefix.count).prefix { $0 != "." }
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    private mutating func read(_ value: YAMLNode, _ row: GatewaySettingRow) {
        if row.isList, value.isNull {
            entries[row.key] = Entry(texts: [], line: value.line)
        } else if let text = value.text {
            entries[row.key] = Entry(texts: [text], line: value.line)
        } else if row.isList, let items = value.items, items.allSatisfy({ $0.text != nil }) {
            entries[row.key] = Entry(texts: items.compactMap(\.text), line: value.line)
        } else {
            let found = value.items == nil ? "a mapping" : row.isList ? "a list of lists" : "a list"
            refuse(value, .badValue(key: row.key, found: found, allowed: row.allowed))
        }
    }

    private mutating func readDaemons(_ value: YAMLNode) {
        let allowed = "names and runtime directories, such as {kitchen: /run/astd}"
        let key = GatewaySettingTable.daemonsKey
        guard let pairs = value.pairs, !pairs.isEmpty else {
            return refuse(value, .badValue(key: key, found: "no mapping", allowed: allowed))
        }
        daemonsLine = value.line
        var all: [GatewaySettings.Daemon] = []
        for pair in pairs {
            guard let name = pair.name.text, GatewaySettingTable.isTopicLevel(name) else {
                let allowed = "a name of at most 64 bytes without / + # and white space"
                refuse(
                    pair.name, .badValue(key: key, found: pair.name.text ?? "a list", allowed: allowed))
                continue
            }
            guard let directory = pair.value.text, directory.hasPrefix("/") else {
                refuse(
                    pair.value,
                    .badValue(
                        key: "\(key).\(name)", found: pair.value.text ?? "a list",
                        allowed: "the absolute path of a runtime directory, such as /run/astd"))
                continue
            }
            if all.contains(where: { $0.name == name }) {
                refuse(pair.name, .badFile("duplicate daemon '\(name)'"))
            } else {
                all.append(GatewaySettings.Daemon(name: name, runtimeDirectory: directory))
            }
        }
        daemons = all
    }

    private mutating func refuse(_ node: YAMLNode, _ kind: SettingsProblem.Kind) {
        problems.append(SettingsProblem(origin: .file(path: path ?? "", line: node.line), kind: kind))
    }
}
