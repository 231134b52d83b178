private import TextSupport

/// A value of a YAML document, and its line. Scalars stay text until a setting reads them.
package struct YAMLNode {
    package enum Value {
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        /// In the order of the document; names may repeat.
        case mapping([Pair])
    }
    package struct Pair {
        package var name: YAMLNode
        package var value: YAMLNode
    }

    package var value: Value
    /// Counted from one.
    package var line: Int

    package var text: String? { if case .scalar(let text, _) = value { text } else { nil } }
    package var items: [YAMLNode]? { if case .sequence(let items) = value { items } else { nil } }
    package var pairs: [Pair]? { if case .mapping(let pairs) = value { pairs } else { nil } }
    /// Nothing, `~` or `null`, unless it is quoted.
    package var isNull: Bool {
        if case .scalar(let text, isPlain: true) = value { ["", "~", "null"].contains(text) } else { false }
    }

    /// Plain where YAML reads the same text, else quoted.
    package static func scalar(_ text: String) -> String {
        let isPlain =
            text.first.map { $0.isLetter || $0.isNumber || "/.-".contains($0) } ?? false
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-+@%".contains($0)) }
        if isPlain && !["null", "true", "false", "-"].contains(text) || Bool(text) != nil { return text }
        // A JSON string is a YAML string.
        return String(decoding: JSONText { $0.string(text) }.bytes, as: UTF8.self)
    }
}
