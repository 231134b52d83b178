/// Finds lines of a help text that do not use the width of the terminal, because the source breaks a sentence
/// there, and examples that are too long for one line.
package enum HelpLayout {
    /// - Parameter help: As it is printed at `columns`.
    /// - Returns: A description of each bad line; the parser never fills the last column.
    package static func problems(in help: String, columns: Int) -> [String] {
        let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
        return zip(lines, lines.dropFirst()).compactMap { line, next in
            guard !line.isEmpty, !next.isEmpty else { return nil }
            let (indent, nextIndent) = (indent(of: line), indent(of: next))
            if indent == 2 && nextIndent == 0 { return "wrapped: \(line)" }
            // The parser prints the discussion of an option left of its help.
            if indent > 20 && nextIndent == 8 { return "a text of its own: \(next)" }
            // Prose is not indented; the texts of options are far to the right.
            guard indent == nextIndent, indent == 0 || indent > 20 else { return nil }
            let word = next.drop { $0 == " " }.prefix { $0 != " " }
            return line.count + 1 + word.count < columns ? "broken before '\(word)': \(line)" : nil
        }
    }

    private static func indent(of line: Substring) -> Int { line.prefix { $0 == " " }.count }
}
