import ArgumentParser
import TestSupport
import Testing

@testable import astd

@Suite struct HelpTests {
    private static func commands(_ command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
        [command] + command.configuration.subcommands.flatMap(commands)
    }

    @Test(arguments: [80, 100])
    func `Every help text fills the terminal, and every example fits into a line`(columns: Int) {
        for command in Self.commands(AstdCommand.self) {
            let help = AstdCommand.helpMessage(for: command, columns: columns)
            #expect(HelpLayout.problems(in: help, columns: columns) == [], "\(command)")
        }
    }
}
