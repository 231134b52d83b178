import ArgumentParser
import TestSupport
import Testing

@testable import astctl

@Suite struct HelpTests {
    private static func commands(_ command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
        [command] + command.configuration.subcommands.flatMap(commands)
    }

    @Test(arguments: [80, 100])
    func `Every help text fills the terminal, and every example fits into a line`(columns: Int) {
        for command in Self.commands(Astctl.self) {
            let help = Astctl.helpMessage(for: command, columns: columns)
            #expect(HelpLayout.problems(in: help, columns: columns) == [], "\(command)")
            // The parser never wraps the line of the usage.
            let lines = help.split(separator: "\n").filter { !$0.hasPrefix("USAGE: ") }
            #expect(lines.allSatisfy { $0.count <= columns }, "\(command)")
        }
    }

    @Test func `A sentence that the source breaks is found, and so is a long example`() {
        let broken = "A sentence that\nends here.\n\nEXAMPLES\n  astctl watch\nanew\n"
        #expect(
            HelpLayout.problems(in: broken, columns: 80) == [
                "broken before 'ends': A sentence that", "wrapped:   astctl watch",
            ])
    }
}
