package import TextSupport

/// The properties of a model or an adapter, for people and for programs.
package protocol Inspection {
    /// One line of text for each property.
    var lines: [(name: String, text: String)] { get }
    /// The same properties as members of a JSON object.
    func writeMembers(to json: inout JSONWriter)
}

extension Inspection {
    package var text: String {
        lines.map { name, text in
            name + String(repeating: " ", count: max(1, 12 - name.count)) + text
        }.joined(separator: "\n")
    }

    /// One JSON object.
    package var json: String {
        let text = JSONText { json in json.object { writeMembers(to: &$0) } }
        return String(decoding: text.bytes, as: UTF8.self)
    }

    static func millions(_ number: Int) -> String {
        FixedDecimals.text(Double(number) / 1e6, decimals: 1) ?? "?"
    }
}
