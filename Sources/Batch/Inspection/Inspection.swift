internal import TextSupport
internal import Wire

/// What a directory is, for people and for programs.
public protocol Inspection {
    /// A name and a text a line.
    var lines: [(name: String, text: String)] { get }
    /// One JSON object.
    var json: String { get }
}

protocol WritableInspection: Inspection {
    func writeMembers(to json: inout JSONWriter)
}

extension Inspection {
    public var text: String {
        lines.map { name, text in
            name + String(repeating: " ", count: max(1, 12 - name.count)) + text
        }.joined(separator: "\n")
    }

    static func millions(_ number: Int) -> String {
        FixedDecimals.text(Double(number) / 1e6, decimals: 1) ?? "?"
    }
}

extension WritableInspection {
    public var json: String {
        let text = JSONText { json in json.object { writeMembers(to: &$0) } }
        return String(decoding: text.bytes, as: UTF8.self)
    }
}
