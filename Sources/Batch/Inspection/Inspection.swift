private import SystemSupport
package import TextSupport

/// The properties of a model or an adapter, for people and for programs.
package protocol Inspection {
    /// One line of text for each property.
    var lines: [(name: String, text: String)] { get }
    /// The same properties as members of a JSON object.
    func writeMembers(to json: inout JSONWriter)
}

extension Inspection {
    /// Labels, names and paths come from files, so their control characters are escaped.
    package var text: String {
        lines.map { name, text in
            name + String(repeating: " ", count: max(1, 12 - name.count)) + PathText.printable(text)
        }.joined(separator: "\n")
    }

    /// One JSON object.
    package var json: String {
        let text = JSONText { json in json.object { writeMembers(to: &$0) } }
        return String(decoding: text.bytes, as: UTF8.self)
    }

    /// A count of parameters; in millions from 0.1 on.
    static func count(_ number: Int) -> String {
        number < 100_000
            ? "\(number)" : (FixedDecimals.text(Double(number) / 1e6, decimals: 1) ?? "?") + " million"
    }
}

/// A list for one line of text.
enum AbridgedList {
    private static let most = 12

    /// All names where they are few, else the first ones and the number of the others, which is never one.
    static func text(_ names: [String]) -> String {
        let isAbridged = names.count > most
        let shown = isAbridged ? most - 2 : most
        return names.prefix(shown).joined(separator: " | ")
            + (isAbridged ? " | and \(names.count - shown) more" : "")
    }
}
