private import CYAML

/// The single document of a YAML text. Anchors, aliases and tags are refused: settings do not need them, and
/// they can expand to large or ambiguous values.
package enum YAMLDocument {
    static let maximumDepth = 64
    static let maximumNodes = 100_000

    /// - Returns: `nil` for a text without a document.
    /// - Throws: ``YAMLRefusal`` with the first problem.
    package static func root(of text: String) throws(YAMLRefusal) -> YAMLNode? {
        if text.isEmpty { return nil }
        return try Array(text.utf8).withUnsafeBufferPointer { bytes throws(YAMLRefusal) in
            let events = try EventStream(bytes)
            guard try events.enterDocument() else { return nil }
            let root = try events.node(depth: 1)
            try events.leaveDocument()
            return root
        }
    }
}

/// The events of libyaml's parser.
private final class EventStream {
    private enum Event {
        case documentStart, sequenceStart, mappingStart, end, other
        case alias(String)
        case scalar(String, isPlain: Bool)
    }

    // SAFETY: allocated here and freed once, in `deinit`; libyaml keeps the address.
    private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    private let bytes: UnsafeBufferPointer<UInt8>
    private var nodeCount = 0

    /// - Parameter bytes: UTF-8, not empty; must outlive the stream.
    init(_ bytes: UnsafeBufferPointer<UInt8>) throws(YAMLRefusal) {
        self.bytes = bytes
        parser.initialize(to: yaml_parser_t())
        guard yaml_parser_initialize(parser) == 1 else { throw YAMLRefusal(reason: "out of memory") }
        yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// - Returns: false when the text has no document.
    func enterDocument() throws(YAMLRefusal) -> Bool {
        while true {
            switch try next().event {
            case .documentStart: return true
            case .end: return false
            default: continue
            }
        }
    }

    func leaveDocument() throws(YAMLRefusal) {
        _ = try next()
        let (event, line) = try next()
        if case .documentStart = event {
            throw YAMLRefusal(line: line, reason: "a second document begins; expected one")
        }
    }

    /// The next value with everything inside it.
    func node(depth: Int) throws(YAMLRefusal) -> YAMLNode {
        guard let node = try nodeOrEnd(depth: depth) else { throw YAMLRefusal(reason: "a value is missing") }
        return node
    }

    /// - Returns: `nil` at the end of the enclosing value.
    private func nodeOrEnd(depth: Int) throws(YAMLRefusal) -> YAMLNode? {
        let (event, line) = try next()
        switch event {
        case .scalar(let text, let isPlain):
            try admit(line, depth)
            // NUL would end the name of a file.
            if text.utf8.contains(0) {
                throw YAMLRefusal(line: line, reason: "a value contains the character NUL")
            }
            return YAMLNode(value: .scalar(text, isPlain: isPlain), line: line)
        case .sequenceStart:
            try admit(line, depth)
            var items: [YAMLNode] = []
            while let item = try nodeOrEnd(depth: depth + 1) { items.append(item) }
            return YAMLNode(value: .sequence(items), line: line)
        case .mappingStart:
            try admit(line, depth)
            var pairs: [YAMLNode.Pair] = []
            while let name = try nodeOrEnd(depth: depth + 1) {
                pairs.append(.init(name: name, value: try node(depth: depth + 1)))
            }
            return YAMLNode(value: .mapping(pairs), line: line)
        case .alias(let name):
            throw YAMLRefusal(
                line: line,
                reason: "*\(name) is an alias, which settings do not support; quote the value or write it out"
            )
        case .documentStart, .end, .other: return nil
        }
    }

    /// Counts a value; throws when there are too many, or when it is too deep for a thread's stack.
    private func admit(_ line: Int, _ depth: Int) throws(YAMLRefusal) {
        nodeCount += 1
        if nodeCount > YAMLDocument.maximumNodes {
            throw YAMLRefusal(line: line, reason: "there are more than \(YAMLDocument.maximumNodes) values")
        }
        if depth > YAMLDocument.maximumDepth {
            throw YAMLRefusal(
                line: line, reason: "values are nested more than \(YAMLDocument.maximumDepth) deep")
        }
    }

    private func next() throws(YAMLRefusal) -> (event: Event, line: Int) {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else {
            throw YAMLRefusal(parser.pointee, in: bytes)
        }
        defer { yaml_event_delete(&event) }
        let line = event.start_mark.line + 1
        let data = event.data
        switch event.type {
        case YAML_DOCUMENT_START_EVENT: return (.documentStart, line)
        case YAML_ALIAS_EVENT: return (.alias(Self.string(data.alias.anchor) ?? ""), line)
        case YAML_SCALAR_EVENT:
            try refuse(anchor: data.scalar.anchor, tag: data.scalar.tag, line)
            // SAFETY: libyaml's own bytes, which last until the event is deleted.
            let value = UnsafeBufferPointer(start: data.scalar.value, count: data.scalar.length)
            let isPlain = data.scalar.style == YAML_PLAIN_SCALAR_STYLE
            return (.scalar(String(decoding: value, as: UTF8.self), isPlain: isPlain), line)
        case YAML_SEQUENCE_START_EVENT:
            try refuse(anchor: data.sequence_start.anchor, tag: data.sequence_start.tag, line)
            return (.sequenceStart, line)
        case YAML_MAPPING_START_EVENT:
            try refuse(anchor: data.mapping_start.anchor, tag: data.mapping_start.tag, line)
            return (.mappingStart, line)
        case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return (.end, line)
        default: return (.other, line)
        }
    }

    private func refuse(
        anchor: UnsafeMutablePointer<yaml_char_t>?, tag: UnsafeMutablePointer<yaml_char_t>?, _ line: Int
    ) throws(YAMLRefusal) {
        if let name = Self.string(anchor) {
            throw YAMLRefusal(
                line: line,
                reason:
                    "&\(name) is an anchor, which settings do not support; quote the value or leave it out")
        }
        if let tag = Self.string(tag) {
            let short = tag.replacing("tag:yaml.org,2002:", with: "!!")
            throw YAMLRefusal(
                line: line,
                reason: "\(short) is a tag, which settings do not support; quote the value or leave it out")
        }
    }

    private static func string(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        text.map { String(cString: $0) }
    }
}
