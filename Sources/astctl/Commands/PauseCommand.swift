import ArgumentParser
import Wire

struct PauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Stop capturing until `astctl resume`.",
        discussion: """
            The daemon disconnects from the sound server. A restarted daemon is not paused.
            """)

    @OptionGroup var connection: ConnectionOptions

    func run() throws {
        let client = try connection.connect()
        _ = try client.object(.pause)
        try Output.standard.write("paused: nothing is recorded\n")
    }
}

struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Resume capturing after `astctl pause`.")

    @OptionGroup var connection: ConnectionOptions

    func run() throws {
        let client = try connection.connect()
        _ = try client.object(.resume)
        try Output.standard.write("resumed\n")
    }
}
