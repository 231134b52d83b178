import TestSupport

/// An `astctl` on a terminal of 40 lines and 80 columns, without colours.
final class Screen {
    private let program: ChildProcess

    init(_ daemon: RunningDaemon, _ arguments: [String]) throws {
        let words =
            [try Astd.path("astctl")] + arguments + ["--socket", daemon.folder.file(RunningDaemon.control)]
        let command = words.map { "'\($0)'" }.joined(separator: " ")
        program = try ChildProcess(
            ["script", "-qefc", "stty rows 40 cols 80; exec \(command)", "/dev/null"], in: daemon.folder,
            environment: ["NO_COLOR": "1"], package: "bsdutils")
    }

    deinit { program.kill() }

    /// The lines of the last complete drawing; empty before the first.
    func lines() throws -> [String] {
        // Each drawing ends by clearing the rest of the terminal.
        let drawings = try program.standardOutput().split(
            separator: "\u{1B}[J", omittingEmptySubsequences: false)
        guard let last = drawings.dropLast().last else { return [] }
        return last.replacing(/\u{1B}\[[?0-9;]*[A-Za-z]/, with: "").split {
            $0 == "\r" || $0 == "\n" || $0 == "\r\n"
        }
        .map(String.init)
    }

    /// The lines of the first drawing that has something.
    func lines(with what: String) async throws -> [String] {
        try await eventually("\(what) on the screen") {
            try lines()
        } until: { lines in
            lines.contains { $0.contains(what) }
        }
    }
}
