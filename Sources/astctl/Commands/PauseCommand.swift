import DaemonClient
import ArgumentParser
import Wire

struct PauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Stop capturing until `astctl resume`.",
        discussion: """
            The daemon disconnects from the sound server. The pause survives a restart of the daemon, also after a crash \
            or a power failure; the daemon keeps it in its state directory (setting state_dir).

            EXAMPLES
              astctl pause                   all sources
              astctl pause --source garden   one of several
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
