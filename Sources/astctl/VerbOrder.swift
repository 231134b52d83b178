import ArgumentParser
import TextSupport

/// Lets options stand before the verbs that they belong to: `--socket PATH adapter load DIR` is read as
/// `adapter load --socket PATH DIR`.
enum VerbOrder {
    /// Options that are followed by a value.
    static let optionsWithValue: Set<String> = [
        "--adapter", "--channel", "--count", "-n", "--hop", "--labels", "--min-score", "--name", "--socket",
        "--source", "--timeout", "--top-k",
    ]

    /// An option of the parser's own, with the name of a shell.
    private static let completion = "--generate-completion-script"

    /// Moves the verbs to the front; everything else keeps its order.
    ///
    /// A word is a verb if the command before it has a subcommand of that name. The first word that is not
    /// one ends the search, and so does `--`.
    static func verbsFirst(_ arguments: [String]) -> [String] {
        let (verbs, options, rest, _) = split(arguments)
        // The parser knows `help` as the first word only.
        if verbs.isEmpty && rest.first == "help" { return Array(rest) }
        return verbs + options + rest
    }

    /// Refuses a word in the place of a verb. (The parser takes it for an argument of the default verb.)
    static func unknownVerb(_ arguments: [String]) -> String? {
        let (verbs, _, rest, command) = split(arguments)
        let names = command.configuration.subcommands.compactMap { $0.configuration.commandName }
        guard !names.isEmpty, let word = rest.first, !word.hasPrefix("-"), word != "help" || !verbs.isEmpty
        else { return nil }
        let near = NearMiss.of(word, among: names)
        let advice =
            near.map { "did you mean '\($0)'?" } ?? "expected one of: \(names.joined(separator: ", "))"
        return "unknown command '\((verbs + [word]).joined(separator: " "))'; \(advice)"
    }

    /// The verbs and the options between them, the words behind them, and the command that the verbs name.
    private static func split(
        _ arguments: [String]
    ) -> (verbs: [String], options: [String], rest: ArraySlice<String>, command: any ParsableCommand.Type) {
        var verbs: [String] = []
        var options: [String] = []
        var command: any ParsableCommand.Type = Astctl.self
        var position = 0
        while position < arguments.count {
            let argument = arguments[position]
            if argument.hasPrefix("-") && argument != "-" && argument != "--" {
                let hasValue = optionsWithValue.contains(argument) || argument == completion
                let length = hasValue ? 2 : 1
                options += arguments[position...].prefix(length)
                position += length
                continue
            }
            let verb = command.configuration.subcommands.first { $0.configuration.commandName == argument }
            guard let verb else { break }
            verbs.append(argument)
            command = verb
            position += 1
        }
        return (verbs, options, arguments[min(position, arguments.count)...], command)
    }
}
