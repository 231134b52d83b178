private import Glibc
private import Wire
private import Yams

/// A configuration file: YAML mappings with the names of ``SettingTable``, nothing else.
struct SettingsFile {
    struct Entry {
        var texts: [String]
        var line: Int?
    }

    /// By key; only keys that exist, with values of the right shape.
    private(set) var entries: [String: Entry] = [:]
    /// `detection.labels`: fields by label.
    private(set) var labels: [String: [String: Entry]] = [:]
    private(set) var problems: [SettingsProblem] = []
    private let path: String

    static let maximumBytes = 1 << 20

    /// Reads a file. What is wrong with it is in ``problems``.
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

    private mutating func parse(_ text: String) {
        do {
            guard let root = try Parser(yaml: text).singleRoot() else { return }
            if root.isNull { return }
            guard let mapping = root.mapping else {
                return problems.append(problem(root, .badFile("is no mapping of names to values")))
            }
            read(mapping, section: "")
        } catch {
            let reason = "\(error)".split(separator: "\n").first { !$0.isEmpty } ?? "cannot be parsed"
            problems.append(
                SettingsProblem(
                    origin: .file(path: path, line: nil), kind: .badFile("is no YAML: \(reason)")))
        }
    }

    private mutating func read(_ mapping: Node.Mapping, section: String) {
        for (keyNode, value) in mapping {
            guard let name = keyNode.string else {
                problems.append(problem(keyNode, .badFile("a name is no text")))
                continue
            }
            let key = section.isEmpty ? name : "\(section).\(name)"
            if key == SettingTable.labelsKey {
                readLabels(value)
            } else if let row = SettingTable.byKey[key] {
                read(value, row)
            } else if SettingTable.rows.contains(where: { $0.key.hasPrefix(key + ".") }) {
                if let inner = value.mapping {
                    read(inner, section: key)
                } else if !value.isNull {
                    problems.append(problem(value, .badFile("\(key) is no mapping of names to values")))
                }
            } else {
                problems.append(problem(keyNode, Self.unknown(key, section: section)))
            }
        }
    }

    private mutating func read(_ value: Node, _ row: SettingRow) {
        let line = value.mark?.line
        if let text = value.scalar?.string {
            let isEmptyList = row.isList && value.isNull
            entries[row.key] = Entry(texts: isEmptyList ? [] : [text], line: line)
        } else if row.isList, let sequence = value.sequence, sequence.allSatisfy({ $0.scalar != nil }) {
            entries[row.key] = Entry(texts: sequence.compactMap(\.scalar?.string), line: line)
        } else {
            let found = value.sequence == nil ? "a mapping" : "a list"
            problems.append(problem(value, .badValue(key: row.key, found: found, allowed: row.allowed)))
        }
    }

    private mutating func readLabels(_ value: Node) {
        if value.isNull { return }
        guard let mapping = value.mapping else {
            return problems.append(
                problem(value, .badFile("\(SettingTable.labelsKey) is no mapping of labels to settings")))
        }
        for (labelNode, fields) in mapping {
            let label = labelNode.scalar?.string ?? ""
            let key = "\(SettingTable.labelsKey).\(label)"
            guard let fields = fields.mapping else {
                problems.append(problem(labelNode, .badFile("\(key) is no mapping of names to values")))
                continue
            }
            for (fieldNode, value) in fields {
                let field = fieldNode.scalar?.string ?? ""
                guard SettingTable.exceptionFields.contains(field) else {
                    problems.append(problem(fieldNode, Self.unknownField(field, of: key)))
                    continue
                }
                guard let text = value.scalar?.string else {
                    problems.append(
                        problem(
                            value, .badValue(key: "\(key).\(field)", found: "no scalar", allowed: "a number"))
                    )
                    continue
                }
                labels[label, default: [:]][field] = Entry(texts: [text], line: value.mark?.line)
            }
        }
    }

    private func problem(_ node: Node?, _ kind: SettingsProblem.Kind) -> SettingsProblem {
        SettingsProblem(origin: .file(path: path, line: node?.mark?.line), kind: kind)
    }

    /// What there is in a section, and what of it was perhaps meant.
    static func unknown(_ key: String, section: String) -> SettingsProblem.Kind {
        let all = SettingTable.rows.map(\.key) + [SettingTable.labelsKey]
        let prefix = section.isEmpty ? "" : section + "."
        var here: [String] = []
        for candidate in all where candidate.hasPrefix(prefix) {
            let name = prefix + candidate.dropFirst(prefix.count).prefix { $0 != "." }
            if !here.contains(name) { here.append(name) }
        }
        if here.isEmpty { return unknown(key, section: "") }
        // `minimum_hits` at the top is as near as can be to `detection.minimum_hits`.
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

    /// - Throws: `badFile` for what cannot be read, is too large or no UTF-8.
    private static func text(of path: String) throws(SettingsProblem) -> String {
        func refusal(_ reason: String) -> SettingsProblem {
            SettingsProblem(origin: .file(path: path, line: nil), kind: .badFile(reason))
        }
        // Not blocking: a pipe in the place of the file must not hold anybody up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw refusal("cannot be read: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: maximumBytes + 1)
        var count = 0
        while count < bytes.count {
            // SAFETY: the bytes behind `count` are the array's own, and the call does not keep them.
            let got = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count)
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw refusal("cannot be read: \(String(cString: strerror(errno)))") }
            if got == 0 { break }
            count += got
        }
        guard count <= maximumBytes else { throw refusal("is larger than \(maximumBytes) bytes") }
        guard let text = String(validating: bytes[..<count], as: UTF8.self) else {
            throw refusal("is no UTF-8")
        }
        return text
    }
}

extension Node {
    fileprivate var isNull: Bool {
        guard let scalar else { return false }
        return scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
    }
}
