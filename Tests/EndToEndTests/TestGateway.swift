import TestSupport
import TextSupport

/// The program `astd-gateway` with its settings in the test's folder, for a daemon `kitchen` whose sockets
/// are there too.
struct TestGateway {
    private let folder: TestFolder
    private let configuration: String

    /// - Parameter settings: In YAML, behind `node` and `daemons`.
    init(_ settings: String, in folder: TestFolder) throws {
        self.folder = folder
        configuration = try folder.write(
            """
            node: test
            daemons: {kitchen: \(folder.path)}
            \(settings)

            """, to: "gateway.yaml")
    }

    /// Starts `astd-gateway run`.
    func start() throws -> ChildProcess {
        try Astd.start(["astd-gateway", "run", "--config", configuration], in: folder)
    }

    /// Runs another command to its end.
    func run(_ arguments: String...) async throws -> ChildProcess.Exit { try await run(arguments: arguments) }

    /// The lines that a command prints; none before there is a history.
    func records(_ arguments: String...) async throws -> [JSONObject] {
        try await run(arguments: arguments).lines.map { try JSONObject(parsing: Array($0.utf8)) }
    }

    private func run(arguments: [String]) async throws -> ChildProcess.Exit {
        try await Astd.run(["astd-gateway"] + arguments + ["--config", configuration], in: folder)
    }
}

extension RunningDaemon {
    /// Starts a daemon that finds `Speech` in each window: the event lasts as long as the daemon, or until a
    /// pause.
    ///
    /// - Parameter settings: In YAML, further settings of the daemon.
    static func startWithOneEvent(
        hop: String = "0.25", settings: String = "", in folder: TestFolder
    ) async throws -> RunningDaemon {
        let file = try folder.write(
            "activation: none\ndetection: {on: -100, allow: [Speech]}\n\(settings)\n", to: "astd.yaml")
        return try await start(
            [
                "--source", "file:\(try SeededClip.longSilence(in: folder))", "--hop", hop, "--config", file,
            ], in: folder)
    }
}
