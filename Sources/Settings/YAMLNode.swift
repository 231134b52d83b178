/// A value of a YAML document, and its line. Scalars stay text until a setting reads them.
struct YAMLNode {
    enum Value {
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        /// In the order of the document; names may repeat.
        case mapping([Pair])
    }
    struct Pair {
        var name: YAMLNode
        var value: YAMLNode
    }

    var value: Value
    /// Counted from one.
    var line: Int

    var text: String? { if case .scalar(let text, _) = value { text } else { nil } }
    var items: [YAMLNode]? { if case .sequence(let items) = value { items } else { nil } }
    var pairs: [Pair]? { if case .mapping(let pairs) = value { pairs } else { nil } }
    /// Nothing, `~` or `null`, unless it is quoted.
    var isNull: Bool {
        if case .scalar(let text, isPlain: true) = value { ["", "~", "null"].contains(text) } else { false }
    }
}
