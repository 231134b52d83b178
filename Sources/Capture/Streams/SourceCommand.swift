internal import SystemSupport

/// A program and its arguments, as `command:` names them.
public struct SourceCommand: Equatable, Sendable {
    /// As it was given.
    public let text: String
    /// The program and its arguments; at least one.
    public let words: [String]

    /// Splits text into words, as a shell does, without a shell.
    ///
    /// White space separates words. Between single quotes every character stands for itself; between double
    /// quotes, too, except `\"` and `\\`. Elsewhere a backslash makes the next character an ordinary one.
    /// Nothing else is special: no variables, patterns, pipes or redirections.
    ///
    /// - Throws: `badCommand` for no word, a quotation mark or backslash without its counterpart, and for a
    ///   word that only a shell understands, such as `|` or `2>&1`.
    public init(parsing text: String) throws(CaptureError) {
        var words: [String] = []
        var word: String?
        var isQuoted = false
        var quote: Character?
        var rest = text.makeIterator()
        while let character = rest.next() {
            switch (character, quote) {
            case ("\\", nil), ("\\", "\""):
                guard let next = rest.next() else {
                    throw .badCommand(found: text, reason: "a backslash at the end has nothing to quote")
                }
                let isLiteral = quote == "\"" && next != "\"" && next != "\\"
                word = (word ?? "") + (isLiteral ? "\\\(next)" : "\(next)")
                isQuoted = true
            case ("'", nil), ("\"", nil):
                quote = character
                (word, isQuoted) = (word ?? "", true)
            case (let end, let open?) where end == open: quote = nil
            case (let space, nil) where space.isWhitespace:
                if let word { words.append(try Self.checked(word, isQuoted, in: text)) }
                (word, isQuoted) = (nil, false)
            default: word = (word ?? "") + "\(character)"
            }
        }
        if let quote {
            throw .badCommand(found: text, reason: "the quotation mark \(quote) has no counterpart")
        }
        if let word { words.append(try Self.checked(word, isQuoted, in: text)) }
        guard let program = words.first, !program.isEmpty else {
            throw .badCommand(found: text, reason: "it names no program")
        }
        self.text = text
        self.words = words
    }

    /// The program's name, for messages.
    var programName: String { words[0].split(separator: "/").last.map(String.init) ?? words[0] }

    private static func checked(
        _ word: String, _ isQuoted: Bool, in text: String
    ) throws(CaptureError) -> String {
        let isOperator =
            ["|", "||", "&", "&&", ";"].contains(word) || word.hasPrefix(">") || word.hasPrefix("<")
            || word.hasPrefix("2>") || word.hasPrefix("1>") || word.hasPrefix("&>")
        if isOperator && !isQuoted {
            throw .badCommand(
                found: text,
                reason: "\(word) needs a shell: give sh -c '...', or quote it if it is an argument")
        }
        return word
    }

    /// The program's file: its path, or its name looked up in `$PATH`.
    func programPath(_ environment: Environment = .process) -> String? {
        let name = words[0]
        if name.contains("/") { return name }
        return (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
            .map { "\($0)/\(name)" }.first(where: ExecutableFile.exists(atPath:))
    }
}
