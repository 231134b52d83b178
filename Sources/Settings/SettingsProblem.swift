private import SystemSupport

/// The place that a setting comes from.
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

/// One problem of the settings: where, what, and what is accepted.
public struct SettingsProblem: Error, Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        /// There is no setting of this name in this section.
        case unknownKey(String, near: String?, allowed: [String])
        /// A setting of this name exists, but not in this section.
        case misplaced(String, section: String, advice: String)
        case badValue(key: String, found: String, allowed: String)
        /// The file cannot be read, or is not a YAML mapping.
        case badFile(String)
        /// Two settings contradict each other.
        case contradiction(String)
    }

    public var origin: SettingOrigin
    public var kind: Kind

    package init(origin: SettingOrigin, kind: Kind) {
        self.origin = origin
        self.kind = kind
    }

    /// The line in the file, for sorting; problems of other layers come last.
    var line: Int { if case .file(_, let line) = origin { line ?? 0 } else { .max } }
}

extension SettingsProblem: CustomStringConvertible {
    /// One line: where, the problem, the accepted values.
    public var description: String {
        let text =
            switch kind {
            case .unknownKey(let key, let near?, _):
                "unknown setting '\(key)'; did you mean '\(near)'?"
            case .unknownKey(let key, nil, let allowed):
                "unknown setting '\(key)'; expected one of: \(allowed.joined(separator: ", "))"
            case .misplaced(let name, let section, let advice):
                "setting '\(name)' does not belong in '\(section)'; \(advice)"
            case .badValue(let key, let found, let allowed):
                "invalid value '\(found)' for \(key); expected \(allowed)"
            case .badFile(let reason): reason
            case .contradiction(let reason): reason
            }
        let isFlag = if case .flag = origin { true } else { false }
        let line = Credentials.masked(isFlag ? text : "\(origin): \(text)").prefix(2000)
        // Names and values are untrusted input; a message stays one line.
        return String(
            line.map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 0x20 } ? "\u{FFFD}" : $0 })
    }
}

/// Every problem of the settings; at least one.
public struct SettingsRefusal: Error, Equatable, Sendable {
    public var problems: [SettingsProblem]

    package init(problems: [SettingsProblem]) { self.problems = problems }

    /// Whether the command line alone is at fault.
    public var isUsage: Bool {
        problems.allSatisfy { if case .flag = $0.origin { true } else { false } }
    }
}

extension SettingsRefusal {
    /// A file that had settings and is empty now, as an editor leaves it for a moment while it saves.
    public static func emptied(file: String) -> SettingsRefusal {
        let reason =
            "has no settings any more, and nothing was changed; write it again, or restart astd to run with the "
            + "defaults"
        return SettingsRefusal(problems: [
            SettingsProblem(origin: .file(path: file, line: nil), kind: .badFile(reason))
        ])
    }
}
