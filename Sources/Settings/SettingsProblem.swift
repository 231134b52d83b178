/// Where a setting comes from.
public enum SettingOrigin: Equatable, Sendable {
    case fallback
    case file(path: String, line: Int?)
    case variable(String)
    case flag(String)
}

extension SettingOrigin: CustomStringConvertible {
    public var description: String {
        switch self {
        case .fallback: "default"
        case .file(let path, let line): path + (line.map { ":\($0)" } ?? "")
        case .variable(let name): "$\(name)"
        case .flag(let name): name
        }
    }
}

/// One thing that is wrong with the settings: where, what, and what would be right.
public struct SettingsProblem: Error, Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        /// There is no such setting here.
        case unknownKey(String, near: String?, allowed: [String])
        case badValue(key: String, found: String, allowed: String)
        /// The file cannot be read, or is no YAML of mappings.
        case badFile(String)
        /// Two settings that do not go together.
        case contradiction(String)
    }

    public var origin: SettingOrigin
    public var kind: Kind

    /// Where it stands in the file; what stands in none comes after all that does.
    var line: Int { if case .file(_, let line) = origin { line ?? 0 } else { .max } }
}

extension SettingsProblem: CustomStringConvertible {
    /// One line: where, what is wrong, what to do.
    public var description: String {
        let text =
            switch kind {
            case .unknownKey(let key, let near?, _):
                "\(key) is no setting: do you mean \(near)?"
            case .unknownKey(let key, nil, let allowed):
                "\(key) is no setting: here there are \(allowed.joined(separator: ", "))"
            case .badValue(let key, let found, let allowed):
                "\(key) is \"\(found)\": give \(allowed)"
            case .badFile(let reason): reason
            case .contradiction(let reason): reason
            }
        let isFlag = if case .flag = origin { true } else { false }
        let line = (isFlag ? text : "\(origin): \(text)").prefix(2000)
        // Names and values come from outside; a message stays one line.
        return String(
            line.map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 0x20 } ? "\u{FFFD}" : $0 })
    }
}

/// All that is wrong with the settings; at least one problem.
public struct SettingsRefusal: Error, Equatable, Sendable {
    public var problems: [SettingsProblem]

    /// Whether the command line alone is at fault.
    public var isUsage: Bool {
        problems.allSatisfy { if case .flag = $0.origin { true } else { false } }
    }
}
