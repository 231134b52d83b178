/// Keeps passwords out of messages, records and logs.
public enum Credentials {
    /// Replaces the user and password of URLs, and the values of parameters that hold a secret, by `***`:
    /// `rtsp://***@camera/live`, `http://host/a?password=***`.
    ///
    /// A password may contain any character but white space and quotation marks, so that everything up to the
    /// last `@` of a URL counts as one.
    public static func masked(_ text: String) -> String {
        guard text.contains("://") || text.contains("=") else { return text }
        var result = ""
        var word = ""
        for character in text {
            if character.isWhitespace || "\"'<>`".contains(character) {
                result += maskedWord(word)
                result.append(character)
                word = ""
            } else {
                word.append(character)
            }
        }
        return result + maskedWord(word)
    }

    /// Names of parameters whose value is a secret, in lower case.
    private static let secrets: Set<String> = [
        "password", "passwd", "passphrase", "pass", "pwd", "token", "access_token", "auth", "key", "apikey",
        "api_key", "secret", "signature", "sig",
    ]

    private static func maskedWord(_ word: String) -> String {
        var word = word
        if let scheme = word.firstRange(of: "://"), let end = word.lastIndex(of: "@"),
            end >= scheme.upperBound
        {
            word.replaceSubrange(scheme.upperBound..<end, with: "***")
        }
        guard word.contains("=") else { return word }
        var result = ""
        var field = ""
        for character in word {
            if "?&;,#".contains(character) {
                result += maskedField(field)
                result.append(character)
                field = ""
            } else {
                field.append(character)
            }
        }
        return result + maskedField(field)
    }

    private static func maskedField(_ field: String) -> String {
        guard let equals = field.firstIndex(of: "="), field.index(after: equals) < field.endIndex else {
            return field
        }
        // `--password=x` is an option.
        let name = field[..<equals].drop { $0 == "-" }.lowercased()
        return secrets.contains(name) ? String(field[...equals]) + "***" : field
    }
}
