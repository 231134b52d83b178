import ArgumentParser

/// Lets options stand before the verbs that they belong to: `--socket PATH adapter load DIR` is read as
/// `adapter load --socket PATH DIR`.
enum VerbOrder {
    /// Options that are followed by a value.
    static let optionsWithValue: Set<String> = [
        "--adapter", "--channel", "--count", "-n", "--hop", "--labels", "--min-score", "--name", "--socket",
        "--timeout", "--top-k",
    ]

    /// Moves the verbs to the front; everything else keeps its order.
    ///
    /// A word is a verb if the command before it has a subcommand of that name. The first word that is not
    /// one ends the search, and so does `--`.
    static func verbsFirst(_ arguments: [String]) -> [String] {
        var verbs: [String] = []
        var others: [String] = []
        var command: any ParsableCommand.Type = Astctl.self
        var position = 0
        while position < arguments.count {
            let argument = arguments[position]
            if argument.hasPrefix("-") && argument != "-" && argument != "--" {
                let length = optionsWithValue.contains(argument) ? 2 : 1
                others += arguments[position...].prefix(length)
                position += length
                continue
            }
            let verb = command.configuration.subcommands.first { $0.configuration.commandName == argument }
            guard let verb else { break }
            verbs.append(argument)
            command = verb
            position += 1
        }
        return verbs + others + arguments[min(position, arguments.count)...]
    }
}
