internal import Detection
private import Glibc
private import TextSupport
private import SystemSupport

/// A configuration file: YAML mappings with the names of ``SettingTable``.
package struct SettingsFile {
    struct Entry {
        var texts: [String]
        var line: Int?
    }

    struct Source {
        var name: String
        var line: Int
        var file: SettingsFile
    }

    /// By key; only known keys, with values of the right shape.
    private(set) var entries: [String: Entry] = [:]
    /// `sources`: the settings of each, as a file of their own, in the order of the file.
    private(set) var sources: [Source] = []
    /// `detection.labels`: fields by label.
    private(set) var labels: [String: [String: Entry]] = [:]
    /// `groups`, in the order of the file.
    private(set) var groups: [(group: LabelGroup, line: Int)] = []
    private(set) var problems: [SettingsProblem] = []
    /// Whether it was read and has no settings: it is empty, or everything in it is a comment.
    var isEmpty: Bool {
        entries.isEmpty && labels.isEmpty && sources.isEmpty && groups.isEmpty && problems.isEmpty
    }
    let path: String

    static let maximumBytes = 1 << 20

    /// Reads a file; collects ``problems`` instead of throwing.
    init(path: String) {
        self.path = path
        do throws(SettingsProblem) {
            parse(try Self.text(of: path))
        } catch {
            problems = [error]
        }
    }

    init(path: String, text: String) {
        self.path = path
        parse(text)
    }

    /// The settings of one source.
    private init(path: String, source name: String, _ pairs: [YAMLNode.Pair]) {
        self.path = path
        read(pairs, section: "", source: name)
    }

    private mutating func parse(_ text: String) {
        do throws(YAMLRefusal) {
            guard let root = try YAMLDocument.root(of: text), !root.isNull else { return }
            guard let pairs = root.pairs else {
                return problems.append(
                    problem(root, .badFile("expected a mapping, such as \"name: value\"")))
            }
            read(pairs, section: "")
        } catch {
            problems.append(
                SettingsProblem(
                    origin: .file(path: path, line: error.line),
                    kind: .badFile("invalid YAML: \(error.reason)")))
        }
    }

    /// - Parameter source: The source to which these settings belong; `nil`: all.
    private mutating func read(_ pairs: [YAMLNode.Pair], section: String, source: String? = nil) {
        for (name, node, value) in named(pairs, section) {
            let key = section.isEmpty ? name : "\(section).\(name)"
            if key == SettingTable.labelsKey {
                readLabels(value)
            } else if key == SettingTable.sourcesKey, source == nil {
                readSources(value)
            } else if key == SettingTable.groupsKey, source == nil {
                readGroups(value)
            } else if let source,
                SettingTable.byKey[key]?.isPerSource == false || key == SettingTable.groupsKey
            {
                let section = "\(SettingTable.sourcesKey).\(source)"
                problems.append(
                    problem(
                        node,
                        .misplaced(
                            key, section: section, advice: "all sources share it; write it outside of sources"
                        )))
            } else if let row = SettingTable.byKey[key] {
                read(value, row)
            } else if SettingTable.rows.contains(where: { $0.key.hasPrefix(key + ".") }) {
                if let inner = value.pairs {
                    read(inner, section: key, source: source)
                } else if !value.isNull {
                    problems.append(problem(value, .badFile("\(key) must be a mapping of names to values")))
                }
            } else {
                problems.append(problem(node, Self.unknown(key, section: section)))
            }
        }
    }

    /// The pairs with a text as their name; a duplicate name is a problem.
    private mutating func named(
        _ pairs: [YAMLNode.Pair], _ section: String
    ) -> [(name: String, node: YAMLNode, value: YAMLNode)] {
        var lines: [String: Int] = [:]
        return pairs.compactMap { pair in
            guard let name = pair.name.text else {
                problems.append(problem(pair.name, .badFile("a name must be text")))
                return nil
            }
            if let first = lines[name] {
                let key = section.isEmpty ? name : "\(section).\(name)"
                problems.append(
                    problem(pair.name, Self.twice(key, first)))
                return nil
            }
            lines[name] = pair.name.line
            return (name, pair.name, pair.value)
        }
    }

    private mutating func read(_ value: YAMLNode, _ row: SettingRow) {
        if let first = entries[row.key]?.line {
            // The key may also be written as one name: `detection.on`.
            problems.append(problem(value, Self.twice(row.key, first)))
        } else if let text = value.text {
            let isEmptyList = row.isList && value.isNull
            entries[row.key] = Entry(texts: isEmptyList ? [] : [text], line: value.line)
        } else if row.isList, let items = value.items, items.allSatisfy({ $0.text != nil }) {
            entries[row.key] = Entry(texts: items.compactMap(\.text), line: value.line)
        } else if row.key == "source", let command = Self.command(value.items ?? []) {
            entries[row.key] = Entry(texts: [command], line: value.line)
        } else {
            let found = value.items == nil ? "a mapping" : row.isList ? "a list of lists" : "a list"
            problems.append(problem(value, .badValue(key: row.key, found: found, allowed: row.allowed)))
        }
    }

    /// The text of a source that is written as a list, `[command, PROGRAM, ARGUMENT, ...]`: each element is a
    /// word, quoted where white space or a quotation mark would divide it.
    private static func command(_ items: [YAMLNode]) -> String? {
        let words = items.compactMap(\.text)
        guard words.count == items.count, words.count > 1, words[0] == "command" else { return nil }
        let quoted = words.dropFirst().map { word in
            let isPlain =
                !word.isEmpty && word.allSatisfy { $0.isLetter || $0.isNumber || "/._-+@%:=,".contains($0) }
            return isPlain ? word : "'" + word.replacing("'", with: #"'\''"#) + "'"
        }
        return "command:" + quoted.joined(separator: " ")
    }

    private mutating func readSources(_ value: YAMLNode) {
        if value.isNull { return }
        guard let named = value.pairs else {
            let reason = "must be a mapping of names to settings, such as \"garden: {source: pulse}\""
            return problems.append(problem(value, .badFile("\(SettingTable.sourcesKey) \(reason)")))
        }
        for (name, node, value) in self.named(named, SettingTable.sourcesKey) {
            if let reason = SourceSettings.problem(inName: name) {
                problems.append(problem(node, .badFile(reason)))
            } else if let pairs = value.pairs {
                let file = SettingsFile(path: path, source: name, pairs)
                problems += file.problems
                sources.append(Source(name: name, line: node.line, file: file))
            } else {
                let reason = "must be a mapping of names to values, such as \"source: pulse\""
                problems.append(problem(value, .badFile("\(SettingTable.sourcesKey).\(name) \(reason)")))
            }
        }
    }

    private mutating func readGroups(_ value: YAMLNode) {
        if value.isNull { return }
        guard let named = value.pairs else {
            let reason = "must be a mapping of names to lists of labels, such as \"Dog: [Bark, Howl]\""
            return problems.append(problem(value, .badFile("\(SettingTable.groupsKey) \(reason)")))
        }
        for (name, node, value) in self.named(named, SettingTable.groupsKey) {
            if let group = group(name, node, value) { groups.append((group, node.line)) }
        }
    }

    /// Reads a list of members, or a mapping with `members` and `combine`.
    private mutating func group(_ name: String, _ node: YAMLNode, _ value: YAMLNode) -> LabelGroup? {
        let key = "\(SettingTable.groupsKey).\(name)"
        var members = value
        var combination = LabelGroup.Combination.maximum
        if let pairs = value.pairs {
            members = node
            for (field, node, value) in named(pairs, key) {
                switch field {
                case "members": members = value
                case "combine":
                    guard let word = value.text.flatMap(LabelGroup.Combination.init) else {
                        let found = value.text ?? "a list or mapping"
                        problems.append(
                            problem(
                                value,
                                .badValue(
                                    key: "\(key).combine", found: found, allowed: SettingTable.combinations)))
                        return nil
                    }
                    combination = word
                default:
                    let fields = ["members", "combine"]
                    problems.append(
                        problem(
                            node,
                            .unknownKey(
                                "\(key).\(field)",
                                near: NearMiss.of(field, among: fields).map { "\(key).\($0)" },
                                allowed: fields)))
                    return nil
                }
            }
        }
        guard let items = members.items, items.allSatisfy({ $0.text != nil }) else {
            let reason =
                "\(key) must be a list of labels, or a mapping with members (a list of labels) and combine"
            problems.append(problem(members, .badFile(reason)))
            return nil
        }
        return LabelGroup(name: name, members: items.compactMap(\.text), combination: combination)
    }

    private mutating func readLabels(_ value: YAMLNode) {
        if value.isNull { return }
        guard let labelled = value.pairs else {
            return problems.append(
                problem(value, .badFile("\(SettingTable.labelsKey) must be a mapping of labels to settings")))
        }
        for (label, node, fields) in named(labelled, SettingTable.labelsKey) {
            let key = "\(SettingTable.labelsKey).\(label)"
            guard let fields = fields.pairs else {
                problems.append(problem(node, .badFile("\(key) must be a mapping of names to values")))
                continue
            }
            for (field, node, value) in named(fields, key) {
                guard SettingTable.exceptionFields.contains(field) else {
                    problems.append(problem(node, Self.unknownField(field, of: key)))
                    continue
                }
                guard let text = value.text else {
                    problems.append(
                        problem(
                            value,
                            .badValue(key: "\(key).\(field)", found: "a list or mapping", allowed: "a number")
                        )
                    )
                    continue
                }
                labels[label, default: [:]][field] = Entry(texts: [text], line: value.line)
            }
        }
    }

    private func problem(_ node: YAMLNode, _ kind: SettingsProblem.Kind) -> SettingsProblem {
        SettingsProblem(origin: .file(path: path, line: node.line), kind: kind)
    }

    private static func twice(_ key: String, _ first: Int) -> SettingsProblem.Kind {
        .badFile("duplicate setting '\(key)', first in line \(first)")
    }

    /// Why a name is not a setting of its section: its settings, and the one that was probably meant.
    static func unknown(_ key: String, section: String) -> SettingsProblem.Kind {
        let all =
            SettingTable.rows.map(\.key) + [
                SettingTable.labelsKey, SettingTable.sourcesKey, SettingTable.groupsKey,
            ]
        // A section, or the exceptions, in place of a value.
        let below = all.filter { $0.hasPrefix(key + ".") }
        if !below.isEmpty { return .unknownKey(key, near: nil, allowed: below) }
        if key == SettingTable.labelsKey {
            let fields = SettingTable.exceptionFields.map { "\(key).LABEL.\($0)" }
            return .unknownKey(key, near: nil, allowed: fields)
        }
        let prefix = section.isEmpty ? "" : section + "."
        let name = String(key.dropFirst(prefix.count))
        if !section.isEmpty, SettingTable.byKey[name] != nil {
            let advice =
                name.hasPrefix(prefix)
                ? "write '\(name.dropFirst(prefix.count))' there" : "write it outside of '\(section)'"
            return .misplaced(name, section: section, advice: advice)
        }
        var here: [String] = []
        for candidate in all where candidate.hasPrefix(prefix) {
            let name = prefix + candidate.dropFirst(prefix.count).prefix { $0 != "." }
            if !here.contains(name) { here.append(name) }
        }
        if here.isEmpty { return unknown(key, section: "") }
        // `minimum_hits` outside its section means `detection.minimum_hits`.
        let elsewhere = all.first { $0.hasSuffix("." + key) }
        return .unknownKey(
            key, near: NearMiss.of(key, among: here) ?? elsewhere ?? NearMiss.of(key, among: all),
            allowed: here)
    }

    static func unknownField(_ field: String, of key: String) -> SettingsProblem.Kind {
        .unknownKey(
            "\(key).\(field)",
            near: NearMiss.of(field, among: SettingTable.exceptionFields).map { "\(key).\($0)" },
            allowed: SettingTable.exceptionFields)
    }

    /// The error of the system call that has just failed.
    private static func unreadable(_ path: String) -> SettingsProblem {
        let advice =
            switch errno {
            case ENOENT, ENOTDIR: "; correct its path (--config)"
            case EACCES, EPERM: "; give this user read permission"
            case EISDIR: "; name the file in it"
            default: ""
            }
        let reason = "cannot read the file: \(String(cString: strerror(errno)))\(advice)"
        return SettingsProblem(origin: .file(path: path, line: nil), kind: .badFile(reason))
    }

    /// - Throws: `badFile` for a file that cannot be read, is too large or is not UTF-8.
    package static func text(of path: String) throws(SettingsProblem) -> String {
        func refusal(_ reason: String) -> SettingsProblem {
            SettingsProblem(origin: .file(path: path, line: nil), kind: .badFile(reason))
        }
        // Non-blocking: opening a pipe without a writer would block the start.
        let descriptor = open(path.systemPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable(path) }
        defer { close(descriptor) }
        var status = stat()
        // Each reload reads the file again, which is impossible with a pipe.
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFIFO {
            throw refusal("is a pipe; expected a file")
        }
        var bytes = [UInt8](repeating: 0, count: maximumBytes + 1)
        var count = 0
        while count < bytes.count {
            // SAFETY: the bytes behind `count` are the array's own, and the call does not keep them.
            let got = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count)
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw unreadable(path) }
            if got == 0 { break }
            count += got
        }
        guard count <= maximumBytes else { throw refusal("is larger than \(maximumBytes) bytes") }
        guard let text = String(validating: bytes[..<count], as: UTF8.self) else {
            throw refusal("is not UTF-8")
        }
        return text
    }
}
