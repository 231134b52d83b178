import TextSupport
import Wire

/// Formats text for people: short numbers, untrusted text without control characters, columns of fixed width.
enum Text {
    /// A number with up to two decimals and no trailing zeros.
    static func number(_ value: Double) -> String {
        guard var text = FixedDecimals.text(value, decimals: 2), text.contains("."), !text.contains("e")
        else {
            return value.description
        }
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }

    /// Untrusted text, such as a model's labels, with control characters replaced so that it cannot control
    /// the terminal.
    static func printable(_ text: String) -> String {
        var clean = ""
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control
            let isDirection =
                (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
            clean.unicodeScalars.append(isControl || isDirection ? "\u{FFFD}" : scalar)
        }
        return clean
    }

    /// Text of our own with untrusted parts: ``printable(_:)``, but line breaks stay.
    static func printableLines(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }
            .joined(separator: "\n")
    }

    /// Truncated to `width` characters; the last one is `…` if something was cut.
    static func truncated(_ text: String, to width: Int) -> String {
        guard text.count > width else { return text }
        return width > 0 ? text.prefix(width - 1) + "…" : ""
    }

    /// Names of sources, each in at most `width` characters and different from the others if possible: of a
    /// channel, the channel stays (`greenhouse…/left`).
    static func shortened(_ names: [String], to width: Int) -> [String: String] {
        let names = Set(names)
        let starts = Dictionary(grouping: names) { truncated($0, to: width) }
        return Dictionary(
            uniqueKeysWithValues: names.map { name in
                let channel = name.firstIndex(of: "/").map { name[$0...].count }
                let isShared = (starts[truncated(name, to: width)]?.count ?? 0) > 1
                let end = min(channel ?? (isShared ? width / 3 : 0), width / 2)
                guard name.count > width, end > 0 else { return (name, truncated(name, to: width)) }
                return (name, truncated(name, to: width - end) + name.suffix(end))
            })
    }

    /// Parts separated by commas, as many as fit into `width` characters as a whole, and `…` for the others.
    /// The first one is truncated if it does not fit itself.
    static func list(_ parts: [String], to width: Int) -> String {
        let more = ", …"
        guard var line = parts.first else { return "" }
        for (index, part) in parts.enumerated().dropFirst() {
            let isLast = index == parts.count - 1
            guard line.count + 2 + part.count + (isLast ? 0 : more.count) <= width else {
                return truncated(line + more, to: width)
            }
            line += ", " + part
        }
        return truncated(line, to: width)
    }

    /// The first parts, as many as fit into `width` characters, separated by two spaces. The first one is
    /// truncated if it does not fit itself.
    static func fitting(_ parts: [String], to width: Int) -> String {
        var line = truncated(parts.first ?? "", to: width)
        for part in parts.dropFirst() {
            guard line.count + 2 + part.count <= width else { break }
            line += "  " + part
        }
        return line
    }

    /// Lines of at most `width` characters, broken at spaces; a longer word, such as a path, stays whole.
    ///
    /// - Parameter indent: Spaces before all lines but the first, which has as many characters before it
    ///   already.
    static func wrapped(_ text: String, to width: Int, indent: Int) -> [String] {
        var lines = [""]
        var room = width - indent
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            let line = lines[lines.count - 1]
            if line.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if line.count + 1 + word.count <= room {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(String(repeating: " ", count: indent) + word)
                room = width
            }
        }
        return lines
    }

    /// Without spaces at the end.
    static func trimmed(_ text: String) -> String {
        String(text.reversed().drop { $0 == " " }.reversed())
    }

    /// Truncated or padded with spaces to exactly `width` characters.
    static func padded(_ text: String, to width: Int) -> String {
        let text = truncated(text, to: width)
        return text + String(repeating: " ", count: max(0, width - text.count))
    }

    static func paddedLeft(_ text: String, to width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
