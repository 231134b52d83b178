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
    @OptionGroup var source: SourceOption

    func run() throws {
        let client = try connection.connect()
        _ = try client.object(.pause) { source.writeParameter(&$0) }
        let extent = source.name.map { " of \(Text.printable($0))" } ?? ""
        try Output.standard.write("paused: nothing\(extent) is recorded\n")
    }
}

struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Resume capturing after `astctl pause`.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var source: SourceOption

    func run() throws {
        let client = try connection.connect()
        _ = try client.object(.resume) { source.writeParameter(&$0) }
        try Output.standard.write("resumed\n")
    }
}
