import TestSupport
import Testing
import Wire

/// `--wait-for-subscriber`: a file or standard input is read from the start for the first client.
@Suite(.timeLimit(.minutes(10)))
struct WaitForSubscriberTests {
    private static let hopSamples = 1_600

    /// A clip with a window at every hop of 0.1 s, and the first window that reaches its end.
    private static func clip(in folder: TestFolder) throws -> (path: String, windows: Int) {
        let samples = SeededClip(seed: 7).samples
        let remaining = samples.count - Astd.modelWindowSamples
        let windows = 1 + (remaining + hopSamples - 1) / hopSamples
        return (try folder.write(SeededClip.wav(samples), to: "clip.wav"), windows)
    }

    private static func start(
        _ source: String, in folder: TestFolder, _ arguments: [String] = []
    ) async throws -> (daemon: RunningDaemon, windows: Int) {
        let clip = try clip(in: folder)
        let daemon = try await RunningDaemon.start(
            [
                "--source", source == "file" ? "file:\(clip.path)" : source, "--hop", "0.1",
                "--wait-for-subscriber",
            ] + arguments, input: clip.path, in: folder)
        return (daemon, clip.windows)
    }

    @Test(arguments: ["file", "stdin"])
    func `The first client of events.sock receives every window`(source: String) async throws {
        let folder = try TestFolder()
        let (daemon, windows) = try await Self.start(source, in: folder, ["--fast"])
        let status = try await daemon.status()
        #expect(status.source?.state == .paused)
        #expect(status.counters.windows == 0)
        #expect(try daemon.program.standardError().contains("waiting for the first subscriber"))
        let predictions = try await daemon.listen().rest().compactMap(\.prediction)
        #expect(predictions.map(\.seq) == (1...UInt64(windows)).map { $0 })
        #expect(predictions.first?.startSample == 0)
        #expect(try await daemon.program.exit().code == 0)
    }

    @Test func `A client of astd.sock starts the file when it subscribes, not when it connects`() async throws
    {
        let folder = try TestFolder()
        let (daemon, windows) = try await Self.start("file", in: folder, ["--fast"])
        let client = try daemon.control()
        #expect(try await client.status().source?.state == .paused)
        let predictions = try await daemon.subscribe().rest().compactMap(\.prediction)
        #expect(predictions.count == windows)
        #expect(predictions.first?.seq == 1)
    }

    @Test func `astctl resume starts the file without a client`() async throws {
        let folder = try TestFolder()
        let (daemon, _) = try await Self.start("file", in: folder, ["--fast"])
        #expect(try await daemon.astctl("resume").code == 0)
        #expect(try await daemon.program.exit().code == 0)
    }

    @Test func `A PulseAudio source does not wait, and the log says so`() async throws {
        let folder = try TestFolder()
        let (daemon, _) = try await Self.start("pulse", in: folder)
        #expect(try daemon.program.standardError().contains("wait_for_subscriber has no effect"))
        #expect(try await daemon.status().source?.state == .lost)
    }
}
