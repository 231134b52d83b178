import TestSupport

/// A PulseAudio server of a test's own: no hardware, one null sink that works in astd's own format, so that its
/// monitor gives back the very samples that were played.
struct PulseServer {
    private let program: Program
    private let folder: TestFolder

    static let sink = "astd"
    /// What `astd run --source` takes to listen to it.
    static let source = "pulse:\(sink).monitor"

    static func start(in folder: TestFolder) async throws -> PulseServer {
        let program = try Program(
            [
                "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
                "--realtime=no", "--high-priority=no", "-L", "module-native-protocol-unix", "-L",
                "module-null-sink sink_name=\(sink) rate=16000 channels=1 format=float32le norewinds=1",
            ], in: folder, package: "pulseaudio")
        let server = PulseServer(program: program, folder: folder)
        try await eventually("an answer of the PulseAudio server") {
            if let code = program.poll() {
                throw TestFailure("pulseaudio ended with \(code): \(try program.said())")
            }
            return try await server.pactl("get-sink-mute", sink).code == 0 ? () : nil
        }
        return server
    }

    /// Begins to play a file.
    func play(_ path: String) throws -> Program {
        // The whole clip is with the server before it begins: a busy machine tears no hole into it.
        try Program(
            ["paplay", "--device=\(Self.sink)", "--latency-msec=10000", path], in: folder,
            package: "pulseaudio-utils")
    }

    /// Who records from the server, a line each.
    func recorders() async throws -> [String] { try await pactl("list", "short", "source-outputs").lines }

    /// Adds a sink, and with it its monitor.
    func load(sink: String) async throws {
        let ending = try await pactl("load-module", "module-null-sink", "sink_name=\(sink)", "norewinds=1")
        guard ending.code == 0 else { throw TestFailure("no sink \(sink): \(ending.complaints)") }
    }

    /// Takes a sink away that ``load(sink:)`` added.
    func unload(sink: String) async throws {
        let modules = try await pactl("list", "short", "modules").lines
        guard let module = modules.first(where: { $0.contains("sink_name=\(sink) ") }),
            let index = module.split(separator: "\t").first,
            try await pactl("unload-module", String(index)).code == 0
        else { throw TestFailure("the sink \(sink) could not be unloaded: \(modules)") }
    }

    private func pactl(_ arguments: String...) async throws -> Program.Ending {
        try await Program(["pactl"] + arguments, in: folder, package: "pulseaudio-utils").ending()
    }
}
