import Glibc
import TestSupport

/// Pipes, programs and a file as the sources of one daemon, each in another state.
struct SeveralSourceStates {
    struct Source {
        /// Its name in the settings, and that of its script or pipe.
        let name: String
        let title: String
        /// Its settings.
        let settings: String
        /// As in ``SourcePlaces``.
        let reason: String?
        var explained: String?
        var displayed: String?
    }

    static let titles = [
        "One of several: listening", "One of several: digital silence", "One of several: below the gate",
        "One of several: muted", "One of several: muted, and so below the gate",
        "One of several: an input that clips",
        "One of several: only the noise of a converter", "One of several: only the hum of the mains",
        "One of several: channels that cancel each other", "One of several: a silent channel",
        "One of several: waiting for the first samples at the start", "One of several: back after a pause",
        "One of several: paused by a client", "One of several: a pipe that does not exist",
        "One of several: a file in place of a pipe", "One of several: a socket without its program",
        "One of several: a pipe that its writer has closed", "One of several: a pipe that stalls",
        "One of several: another format than WAV", "One of several: a program that is not installed",
        "One of several: a program that fails", "One of several: a file that has ended",
    ]

    let sources: [Source]
    /// The daemon's settings.
    let settings: String

    /// Writes scripts, sounds and pipes.
    init(in folder: TestFolder) throws {
        var noise = SeededGenerator(seed: 11)
        func samples(_ seconds: Int, _ value: (Int) -> Double) -> [Int16] {
            (0..<16_000 * seconds).map { Int16((value($0) * 32_767).rounded()) }
        }
        func random() -> Double { Double.random(in: -1...1, using: &noise) }
        /// A program that repeats samples without end, after a header if they have several channels.
        func endless(_ name: String, _ samples: [Int16], channels: Int = 1) throws -> String {
            let raw = try folder.write(samples.withUnsafeBytes { Array($0) }, to: "\(name).raw")
            var header: [UInt8] = []
            if channels > 1 {
                header = Array(wavFile(Array(repeating: [], count: channels)))
                // The length of a stream that does not end.
                for index in header.count - 4..<header.count { header[index] = 0xFF }
            }
            let head = try folder.write(header, to: "\(name).head")
            let script = try folder.write(
                "cat \(head)\nwhile :; do cat \(raw) || exit; done\n", to: "\(name).sh")
            return "source: 'command:sh \(script)'"
        }
        func pipe(_ name: String) throws -> String {
            guard mkfifo(folder.file(name), 0o600) == 0 else { throw TestFailure("no pipe: errno \(errno)") }
            return "source: 'pipe:\(folder.file(name))'"
        }
        let sound = samples(2) { _ in 0.1 * random() }
        let silence = samples(1) { _ in 0 }
        // A chunk that is longer than any test, a byte of it at a time: bytes arrive, and no sample.
        let chunk = try folder.write(
            Array("RIFF".utf8) + [0xFF, 0xFF, 0xFF, 0xFF] + Array("WAVEJUNK".utf8) + [
                0xFE, 0xFF, 0xFF, 0x7F,
            ],
            to: "chunk")
        let slow = try folder.write("cat \(chunk)\nwhile printf x; do sleep 0.1; done\n", to: "slow.sh")
        let failing = try folder.write("echo 'no such device' >&2\nexit 3\n", to: "failing.sh")
        try folder.write("not a pipe", to: "regular")
        try Self.bindSocket(folder.file("socket"))
        let recording = try folder.write(SeededClip.wav(Array(sound)), to: "recording.wav")
        let muted = "only digital silence: is the microphone muted?"
        let first = "its first samples"
        let list: [(String, String, String?)] = [
            ("noise", try endless("noise", sound), nil),
            ("quiet", try endless("quiet", silence), nil),
            (
                "faint", try endless("faint", samples(2) { _ in 0.0003 * random() }) + ", gate: -60",
                "everything is below the gate"
            ),
            ("muted", try endless("muted", silence) + ", muted_after: 1", muted),
            ("both", try endless("both", silence) + ", muted_after: 1, gate: -60", muted),
            (
                "loud", try endless("loud", samples(2) { _ in max(-1, min(1, 2 * random())) }),
                "the input clips (samples at full scale)"
            ),
            (
                "converter", try endless("converter", samples(2) { _ in random() / 32_767 }),
                "the input delivers only the noise of its converter"
            ),
            (
                "hum", try endless("hum", samples(2) { 0.05 * sin(2 * .pi * 50 * Double($0) / 16_000) }),
                "the input delivers only the hum of the mains"
            ),
            (
                "inverted", try endless("inverted", sound.flatMap { [$0, -$0] }, channels: 2),
                "channels 1 and 2 cancel each other"
            ),
            (
                "onesided", try endless("onesided", sound.flatMap { [$0, 0] }, channels: 2),
                "channel 2 is silent beside the others"
            ),
            ("slow", "source: 'command:sh \(slow)'", first),
            ("back", "source: 'command:sh \(slow)'", first),
            ("held", try endless("held", sound), "nothing is recorded until `astctl resume`"),
            ("missing", "source: 'pipe:\(folder.file("missing"))'", "does not exist; waiting for it"),
            (
                "regular", "source: 'pipe:\(folder.file("regular"))'",
                "is a regular file, not a pipe or a socket"
            ),
            ("socket", "source: 'pipe:\(folder.file("socket"))'", "is a socket on which no program listens"),
            ("closed", try pipe("closed"), "has closed it; waiting for the next one"),
            ("stalled", try pipe("stalled"), "for 3 seconds; waiting for its writer"),
            ("flac", try pipe("flac"), "which is not supported: send a WAV stream"),
            ("absent", "source: 'command:theremin'", "is not installed, or not in $PATH"),
            ("failing", "source: 'command:sh \(failing)'", "has ended with status 3 (no such device)"),
            ("recording", "source: 'file:\(recording)'", "the file has ended"),
        ]
        sources = zip(list, Self.titles).map { item, title in
            var source = Source(name: item.0, title: title, settings: item.1, reason: item.2)
            if source.name == "faint" { source.explained = "too quiet to be classified (gate)" }
            // A message that begins with a long path is cut off on a screen.
            if ["missing", "regular", "socket", "closed", "stalled", "flac"].contains(source.name) {
                source.displayed = folder.file(source.name)
            }
            if source.name == "quiet" { source.displayed = "nothing is heard: digital silence" }
            return source
        }
        settings =
            "hop: 5\nmuted_after: 0\ndetection: {on: 1}\nsources:\n"
            + sources.map { "  \($0.name): {\($0.settings)}\n" }.joined()
    }

    /// Writes what the pipes are to hold: one is closed then, one stalls, one has another format than WAV.
    func startWriters(in folder: TestFolder) throws -> [TestThread] {
        let sound = (0..<16_000).map { Int16($0 % 331 * 20) }.withUnsafeBytes { Array($0) }
        let flac = Array("fLaC".utf8) + [UInt8](repeating: 1, count: 4_000)
        let stalled = folder.file("stalled")
        return [("closed", sound), ("flac", flac)].map { name, bytes in
            let path = folder.file(name)
            return TestThread {
                signal(SIGPIPE, SIG_IGN)
                let pipe = open(path, O_WRONLY | O_CLOEXEC)
                _ = write(pipe, bytes, bytes.count)
                close(pipe)
            }
        }
            + [
                TestThread {
                    // Opened for reading as well: it stays open until the test has ended.
                    _ = write(open(stalled, O_RDWR | O_CLOEXEC), sound, sound.count)
                }
            ]
    }

    /// A socket that its program has left behind.
    private static func bindSocket(_ path: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        guard withSocketAddress(path, { bind(descriptor, $0, $1) }) == 0 else {
            throw TestFailure("\(path) could not be bound: errno \(errno)")
        }
    }
}
