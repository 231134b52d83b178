import Capture
import Glibc
import TestSupport

/// A PulseAudio server that belongs to one test: its folder, its socket, its devices, and no hardware.
final class PrivatePulseServer {
    let folder: TestFolder
    private var process: ChildProcess?
    private let sinks: [String]

    /// Starts a server with null sinks, whose monitors are the sources.
    ///
    /// - Parameter sinks: Arguments of `module-null-sink`, one string a sink.
    init(sinks: [String] = [PrivatePulseServer.exactSink]) throws {
        folder = try TestFolder()
        self.sinks = sinks
        try start()
    }

    /// A sink that plays our own format, so that nothing is converted on the way to its monitor.
    static let exactSink = "sink_name=exact rate=16000 channels=1 format=float32le norewinds=1"

    /// The server's address.
    var address: String { "unix:\(folder.file("socket"))" }

    func start() throws {
        var arguments = [
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=60", "--use-pid-file=no", "--realtime=no",
            "--high-priority=no", "-L",
            "module-native-protocol-unix auth-anonymous=1 socket=\(folder.file("socket"))",
        ]
        for sink in sinks { arguments += ["-L", "module-null-sink \(sink)"] }
        process = try ChildProcess(
            arguments, environment: ["HOME": folder.path, "XDG_RUNTIME_DIR": folder.path],
            package: "pulseaudio")
        let deadline = monotonicSeconds() + 60
        while monotonicSeconds() < deadline {
            if let sources = try? listPulseSources(server: address), sources.count == sinks.count { return }
            usleep(50_000)
        }
        throw TestFailure("the private PulseAudio server did not come up")
    }

    /// Kills the server and takes its socket away.
    func kill() {
        process?.end()
        process = nil
        unlink(folder.file("socket"))
    }

    /// Makes the server stand still, or go on.
    func pause() { process?.send(SIGSTOP) }
    func resume() { process?.send(SIGCONT) }

    /// Runs `pactl` and waits for it.
    func control(_ arguments: [String]) throws {
        let pactl = try ChildProcess(
            ["pactl", "--server=\(address)"] + arguments, package: "pulseaudio-utils")
        guard pactl.wait(seconds: 30) else { throw TestFailure("pactl \(arguments) failed") }
    }

    /// Plays 16 kHz mono samples and returns when they were played.
    func play(_ samples: [Float], to sink: String) throws {
        let bytes = samples.withUnsafeBytes { Array($0) }
        let path = try folder.write(bytes, to: "play.raw")
        let pacat = try ChildProcess(
            [
                "pacat", "--playback", "--server=\(address)", "--device=\(sink)", "--raw",
                "--format=float32le",
                "--rate=16000", "--channels=1", "--latency-msec=1000", path,
            ], package: "pulseaudio-utils")
        guard pacat.wait(seconds: 60) else { throw TestFailure("pacat failed") }
    }
}
