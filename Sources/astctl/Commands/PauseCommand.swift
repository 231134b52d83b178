import ArgumentParser
import Wire

struct PauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Stop listening: the daemon disconnects from the sound server until `astctl resume`.",
        discussion: """
            A daemon that is started again listens again.
            """)

    @OptionGroup var connection: ConnectionOptions

    func run() throws {
        let client = try connection.connect()
        _ = try client.object("pause")
        try Output.standard.write("paused: nothing is recorded\n")
    }
}

struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Listen again after `astctl pause`.")

    @OptionGroup var connection: ConnectionOptions

    func run() throws {
        let client = try connection.connect()
        _ = try client.object("resume")
        try Output.standard.write("listening again\n")
    }
}
