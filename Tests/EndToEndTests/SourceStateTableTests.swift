import Glibc
import TestSupport
import Testing
import TextSupport
import Wire

/// Every state that a source can be in, brought about for real, against every place that shows it. The result
/// is `docs/source-states.md`.
@Suite(.timeLimit(.minutes(20))) struct SourceStateTableTests {
    /// In the order of the document.
    static let titles =
        [
            "Listening", "Without a sound server", "A sound server that does not answer",
            "A server that `PULSE_SERVER` names wrongly", "A sound server without sources",
            "No source of that name", "A source that the server has suspended",
            "A source of the server that delivers nothing", "A channel that the source does not have",
            "Below the gate", "Muted, and so below the gate", "Paused by a client", "Overloaded",
            "Standard input that stalls", "Waiting for a subscriber",
        ] + SeveralSourceStates.titles

    private static let hop = ["--hop", "0.5"]
    private static let source = ["--source", "pulse:\(PulseServer.monitor)"] + hop

    /// Settings with which nothing becomes an event.
    private static func settings(_ more: String = "muted_after: 0", in folder: TestFolder) throws -> [String]
    {
        ["--config", try folder.write("detection: {on: 1}\n\(more)\n", to: "astd.yaml")]
    }

    /// Waits until a client that arrives sees the reason, and compares every place with the document.
    private static func check(
        _ title: String, _ daemon: RunningDaemon, _ reason: String?,
        _ change: (inout SourcePlaces) -> Void = { _ in }
    ) async throws {
        try await eventually("the state: \(title)") {
            _ = daemon.notifications.received()
            return try await daemon.status().source
        } until: {
            $0.map { Self.shows(reason, $0) } ?? false
        }
        var places = SourcePlaces(daemon: daemon, reason: reason)
        change(&places)
        try SourceStateDocument.check(title, await places.cells(), in: daemon.folder)
    }

    /// Whether a source is in the state with this reason; nil: it is healthy, and there is nothing to add.
    private static func shows(_ reason: String?, _ source: SourceReport) -> Bool {
        guard let reason else { return source.state == .healthy && source.message == nil }
        return source.message?.contains(reason) ?? false
    }

    /// Waits until four windows in a row were below the gate: sound that was on its way has ended.
    private static func waitForGatedWindows(of daemon: RunningDaemon) async throws {
        var last = try await daemon.status().counters
        try await eventually("four windows below the gate in a row") {
            try await daemon.status().counters
        } until: { now in
            if now.windows - now.gatedWindows > last.windows - last.gatedWindows { last = now }
            return now.gatedWindows >= last.gatedWindows + 4
        }
    }

    /// Noise of -50 dBFS, without end.
    private static func noise(in folder: TestFolder) throws -> ChildProcess {
        try ChildProcess(
            [
                "pacat", "--playback", "--device=\(PulseServer.sink)", "--raw", "--format=u8", "--rate=16000",
                "--channels=1", "--volume=12000", "/dev/urandom",
            ], in: folder, package: "pulseaudio-utils")
    }

    @Test func `A microphone of a sound server: missing, lost, silent, paused`() async throws {
        let folder = try TestFolder()
        let daemon = try await RunningDaemon.start(
            try Self.source + ["--gate", "-80"] + Self.settings(in: folder), in: folder)
        try await Self.check(
            "Without a sound server", daemon, "no PulseAudio server answers at")
        let server = try await PulseServer(sinks: [], in: folder)
        try await Self.check("A sound server without sources", daemon, "the PulseAudio server has no sources")
        try await server.load(sink: "sink_name=other rate=16000 channels=1 norewinds=1")
        try await Self.check("No source of that name", daemon, "no PulseAudio source matches exact.monitor")

        try await server.load(sink: PulseServer.exactSink)
        let player = try Self.noise(in: folder)
        try await Self.check("Listening", daemon, nil)
        try await server.control(["suspend-sink", PulseServer.sink, "1"])
        try await Self.check(
            "A source that the server has suspended", daemon,
            "stopped delivering audio (the server has suspended it)")
        try await server.control(["suspend-sink", PulseServer.sink, "0"])
        #expect(try await daemon.astctl("pause").code == 0)
        try await Self.check("Paused by a client", daemon, "nothing is recorded until `astctl resume`")
        #expect(try await daemon.astctl("resume").code == 0)

        // Digital silence: first it is below the gate, then it counts as muted.
        player.kill()
        try await Self.waitForGatedWindows(of: daemon)
        try await Self.check("Below the gate", daemon, "everything is below the gate") {
            $0.hasWindows = true
            $0.explained = "the last window was too quiet to be classified (gate)"
        }
        _ = try Self.settings("muted_after: 1", in: folder)
        #expect(try await daemon.astctl("reload").code == 0)
        try await Self.check(
            "Muted, and so below the gate", daemon, "only digital silence: is the microphone muted?"
        ) {
            $0.hasWindows = true
        }
        // It is judged by the new limit at once.
        _ = try Self.settings("muted_after: 86400", in: folder)
        #expect(try await daemon.astctl("reload").code == 0)
        try await eventually("the end of an old claim") {
            try await daemon.status().source?.message
        } until: {
            $0 == "everything is below the gate, so windows are not classified"
        }
        #expect(try await daemon.astctl("metrics").lines.contains("astd_source_muted 0"))

        server.suspend()
        defer { server.resume() }
        let hangs = "the PulseAudio server does not answer (\(folder.path)/pulse/native)"
        try await Self.check(
            "A sound server that does not answer", daemon, "the PulseAudio server does not answer")
        let sources = try await daemon.astctl("sources")
        #expect(sources.code == 1 && sources.errorLines.joined().contains(hangs), "\(sources.errorLines)")
    }

    @Test func `A microphone that the server has, and that delivers nothing`() async throws {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        try await server.control([
            "load-module", "module-pipe-source", "source_name=broken", "file=\(folder.file("broken"))",
            "format=s16le", "rate=16000", "channels=1",
        ])
        let daemon = try await RunningDaemon.start(
            try ["--source", "pulse:broken"] + Self.hop + Self.settings(in: folder), in: folder)
        try await Self.check(
            "A source of the server that delivers nothing", daemon,
            "broken stopped delivering audio (no samples for 3 s")
    }

    @Test func `Settings that name what is not there`() async throws {
        let folder = try TestFolder()
        var daemon = try await RunningDaemon.start(
            try Self.source + Self.settings(in: folder), environment: ["PULSE_SERVER": "unix:/nope"],
            in: folder)
        try await Self.check(
            "A server that `PULSE_SERVER` names wrongly", daemon, "no PulseAudio server answers at unix:/nope"
        )
        daemon.program.kill()
        let server = try await PulseServer(in: folder)
        daemon = try await RunningDaemon.start(
            try Self.source + ["--channel", "3"] + Self.settings(in: folder), in: folder)
        try await Self.check(
            "A channel that the source does not have", daemon, "exact.monitor has 1 channel, not 3")
        withExtendedLifetime(server) {}
    }

    @Test func `A hop that is shorter than the pieces in which the server delivers`() async throws {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let player = try Self.noise(in: folder)
        // Two windows are due at a time, 50 times a second, and one of them is skipped.
        let daemon = try await RunningDaemon.start(
            try ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.01"] + Self.settings(in: folder),
            in: folder)
        try await Self.check("Overloaded", daemon, "windows are skipped: a pass takes") {
            $0.hasWindows = true
        }
        withExtendedLifetime((server, player)) {}
    }

    @Test func `Standard input that stalls, and a file that waits`() async throws {
        let folder = try TestFolder()
        let pipe = folder.file("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        // Opened for reading as well, so that neither side waits for the other.
        let writer = open(pipe, O_RDWR | O_CLOEXEC)
        defer { close(writer) }
        var daemon = try await RunningDaemon.start(
            try ["--source", "stdin"] + Self.hop + Self.settings(in: folder), input: pipe, in: folder)
        let sound = SeededClip(seed: 3).samples.prefix(16_000 * 2)
        let bytes = sound.withUnsafeBytes { Array($0) }
        #expect(write(writer, bytes, bytes.count) == bytes.count)
        try await Self.check("Standard input that stalls", daemon, "no bytes on standard input for 3 seconds")
        daemon.program.kill()

        let file = try SeededClip.longSilence(in: folder)
        daemon = try await RunningDaemon.start(
            try ["--source", "file:\(file)", "--wait-for-subscriber"] + Self.hop + Self.settings(in: folder),
            in: folder)
        try await Self.check("Waiting for a subscriber", daemon, "it is read once a client subscribes") {
            $0.subscribes = false
        }
    }

    @Test func `Sources of one daemon, each in another state`() async throws {
        let folder = try TestFolder()
        let states = try SeveralSourceStates(in: folder)
        let config = try folder.write(states.settings, to: "astd.yaml")
        let daemon = try await RunningDaemon.start(["--config", config], in: folder)
        let writers = try states.startWriters(in: folder)
        for name in ["back", "held"] {
            #expect(try await daemon.astctl("pause", "--source", name).code == 0)
        }
        #expect(try await daemon.astctl("resume", "--source", "back").code == 0)
        let overview = try Screen(daemon, ["watch"])
        var listening: Set<String> = []
        for source in states.sources {
            let report = try await eventually("the state of \(source.name)") {
                // The socket holds few status lines.
                _ = daemon.notifications.received()
                return try await daemon.status().sources.first { $0.source == source.name }?.report
            } until: {
                $0.map { Self.shows(source.reason, $0) } ?? false
            }
            if report?.state == .healthy { listening.insert(source.name) }
        }
        for source in states.sources {
            var places = SourcePlaces(daemon: daemon, reason: source.reason, source: source.name)
            places.names = states.sources.map(\.name)
            places.overview = overview
            (places.explained, places.displayed) = (source.explained, source.displayed)
            places.hasWindows = source.reason != nil && listening.contains(source.name)
            try SourceStateDocument.check(source.title, await places.cells(), in: folder)
        }
        _ = try await Screen(daemon, ["top"]).lines(with: "10 of 22 sources healthy")
        daemon.program.kill()
        for writer in writers { writer.join() }
    }

    @Test func `The document has a table for each state, and no other`() throws {
        if SourceStateDocument.isWritten { return }
        #expect(try SourceStateDocument.titles() == Self.titles)
    }
}
