private import Glibc

/// A PulseAudio server that belongs to one test: no hardware, null sinks whose monitors are the sources.
package final class PulseServer {
    /// The sink of a server that is started without a list of sinks.
    package static let sink = "exact"
    /// The source that gives back the samples played into ``sink``.
    package static let monitor = "\(sink).monitor"
    /// The arguments of `module-null-sink` for ``sink``: astd's own format, so that nothing is converted.
    package static let exactSink = "sink_name=\(sink) rate=16000 channels=1 format=float32le norewinds=1"

    private let folder: TestFolder
    private let sinks: [String]
    private var process: ChildProcess?

    /// The server's address, for `PULSE_SERVER` and for `server:` of a source.
    package var address: String { "unix:\(socketPath)" }

    // Where PulseAudio's clients in `folder` look for their server.
    private var socketPath: String { folder.file("pulse/native") }

    /// Starts a server.
    ///
    /// - Parameters:
    ///   - sinks: Arguments of `module-null-sink`, one string per sink.
    ///   - folder: The runtime directory of the server, and of the programs that are to find it.
    package init(sinks: [String] = [PulseServer.exactSink], in folder: TestFolder? = nil) async throws {
        self.folder = try folder ?? TestFolder()
        self.sinks = sinks
        try await start()
    }

    /// Starts the server again after ``kill()``.
    package func start() async throws {
        var command = [
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
            "--realtime=no", "--high-priority=no", "-L", "module-native-protocol-unix auth-anonymous=1",
        ]
        for sink in sinks { command += ["-L", "module-null-sink \(sink)"] }
        let server = try ChildProcess(command, in: folder, package: "pulseaudio")
        process = server
        try await eventually("a PulseAudio server with \(sinks.count) sinks") {
            if let code = server.exitCode() {
                throw TestFailure("pulseaudio exited with \(code): \(try server.standardError())")
            }
            return try await pactl(["list", "short", "sinks"]).lines.count == sinks.count ? true : nil
        } otherwise: {
            try server.standardError()
        }
    }

    /// Kills the server and removes its socket.
    package func kill() {
        process?.kill()
        process = nil
        unlink(socketPath)
    }

    /// Stops the server's process without ending it.
    package func suspend() { process?.send(SIGSTOP) }
    package func resume() { process?.send(SIGCONT) }

    /// Starts to play a file into ``sink``.
    package func play(_ path: String) throws -> ChildProcess {
        // The server has the whole clip before it plays: a busy machine cannot interrupt it.
        try ChildProcess(
            ["paplay", "--device=\(Self.sink)", "--latency-msec=10000", path], in: folder,
            package: "pulseaudio-utils")
    }

    /// Plays interleaved samples at 16 kHz and returns when they have been played.
    package func play(_ samples: [Float], channels: Int = 1, to sink: String) async throws {
        let path = try folder.write(samples.withUnsafeBytes { Array($0) }, to: "play.raw")
        let player = try ChildProcess(
            [
                "pacat", "--playback", "--server=\(address)", "--device=\(sink)", "--raw",
                "--format=float32le", "--rate=16000", "--channels=\(channels)", "--latency-msec=10000", path,
            ], in: folder, package: "pulseaudio-utils")
        let result = try await player.exit()
        guard result.code == 0 else { throw TestFailure("pacat failed: \(result.errorLines)") }
    }

    /// The clients that record from the server, one line each.
    package func recorders() async throws -> [String] {
        try await pactl(["list", "short", "source-outputs"]).lines
    }

    /// Adds a sink, and with it its monitor.
    ///
    /// - Parameter sink: Arguments of `module-null-sink`.
    package func load(sink: String) async throws {
        try await control(["load-module", "module-null-sink"] + sink.split(separator: " ").map(String.init))
    }

    /// Removes the sink with this name.
    package func unload(sink: String) async throws {
        let modules = try await pactl(["list", "short", "modules"]).lines
        guard let module = modules.first(where: { "\($0) ".contains("sink_name=\(sink) ") }),
            let index = module.split(separator: "\t").first
        else { throw TestFailure("no module with the sink \(sink): \(modules)") }
        try await control(["unload-module", String(index)])
    }

    /// Runs `pactl`, which must succeed.
    package func control(_ arguments: [String]) async throws {
        let result = try await pactl(arguments)
        guard result.code == 0 else { throw TestFailure("pactl \(arguments): \(result.errorLines)") }
    }

    private func pactl(_ arguments: [String]) async throws -> ChildProcess.Exit {
        try await ChildProcess(
            ["pactl", "--server=\(address)"] + arguments, in: folder, package: "pulseaudio-utils"
        ).exit()
    }
}
