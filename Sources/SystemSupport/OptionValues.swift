private import Glibc

/// Words of a command line that begin with a minus sign and are no options.
public enum OptionValues {
    /// Joins `--hop -1` to `--hop=-1`: the parser takes a word with a leading dash for an option, and would
    /// say that the value is missing.
    ///
    /// Numbers and offsets from UTC are joined; `-0` is an option itself.
    public static func joined(_ arguments: [String]) -> [String] {
        var joined: [String] = []
        for (position, argument) in arguments.enumerated() {
            if argument == "--" { return joined + arguments[position...] }
            if let option = joined.last, isLongOption(option), isNegative(argument) {
                joined[joined.count - 1] = option + "=" + argument
            } else {
                joined.append(argument)
            }
        }
        return joined
    }

    /// Refuses the name of a file that the parser would take for short options: `-dash.wav` has the letter h,
    /// for help.
    public static func fileLikeOptions(_ arguments: [String]) -> String? {
        let words = arguments.prefix { $0 != "--" }
        let file = words.first { word in
            word.hasPrefix("-") && !word.hasPrefix("--") && word.contains(".") && !isNegative(word)
                && access(word.systemPath, F_OK) == 0
        }
        return file.map { "\($0) begins like an option: write ./\($0) for the file" }
    }

    private static func isLongOption(_ word: String) -> Bool {
        word.hasPrefix("--") && word.utf8.count > 2 && !word.contains("=")
    }

    private static func isNegative(_ word: String) -> Bool {
        guard word.hasPrefix("-"), word != "-0" else { return false }
        let rest = word.dropFirst()
        return ["inf", "infinity", "nan"].contains(rest.lowercased())
            || rest.utf8.contains { digits.contains($0) }
                && rest.utf8.allSatisfy { digits.contains($0) || ".:eE+-".utf8.contains($0) }
    }

    private static let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
}
