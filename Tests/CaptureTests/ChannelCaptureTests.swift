import Glibc
import TestSupport
import Testing

@testable import Capture

/// One capture of which each channel is a source.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ChannelCaptureTests {
    /// The sources of a capture, with what they deliver.
    private final class Driver {
        let sources: [any AudioSource]
        let events: [EventLog]
        let rings: [SampleRing]
        var logs: [StreamLog]

        init(
            _ spec: SourceSpec, channels: Int = 2, server: String? = nil, paused: Set<Int> = [],
            startingLater: Bool = false
        ) throws {
            let capture = ChannelCapture(
                spec, channels: channels, signal: SignalSettings(), pulseServer: server)
            sources = (1...channels).map { capture.source(channel: $0, startsPaused: paused.contains($0)) }
            events = sources.map { _ in EventLog() }
            rings = sources.map { _ in SampleRing(capacitySamples: 16_000 * 60) }
            logs = sources.map { _ in StreamLog() }
            if !startingLater { try start() }
        }

        deinit { for source in sources { source.stop() } }

        func start() throws {
            for index in sources.indices {
                try sources[index].start(into: rings[index], onEvent: events[index].add)
            }
        }

        func read(_ index: Int, until what: String, _ isDone: (StreamLog) -> Bool) async throws {
            var log = logs[index]
            defer { logs[index] = log }
            try await log.read(rings[index], until: what, isDone)
        }

        func read(_ index: Int, samples count: Int) async throws {
            try await read(index, until: "\(count) samples of \(index)") { $0.samples.count >= count }
        }
    }

    private static func noise(_ seed: UInt64, _ count: Int) -> [Int16] {
        var random = SeededGenerator(seed: seed)
        return random.floats(count, in: -0.3...0.3).map { Int16($0 * 32_767) }
    }

    private static func interleaved(_ left: [Int16], _ right: [Int16]) -> [UInt8] {
        bytes16(zip(left, right).flatMap { [$0, $1] })
    }

    private static func floats(_ samples: [Int16]) -> [Float] { samples.map { Float($0) / 32_768 } }

    private static func stereo(_ path: String, rate: Int = 16_000) throws -> SourceSpec {
        try SourceSpec(parsing: "pipe:\(path)?rate=\(rate)&channels=2&format=s16le")
    }

    @Test func `Each channel of a pipe has a stream of its own, bit for bit and at the same positions`()
        async throws
    {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let driver = try Driver(Self.stereo(pipe.path))
        let (left, right) = (Self.noise(1, 20_000), Self.noise(2, 20_000))
        try await pipe.write(Self.interleaved(left, right))
        for index in [0, 1] { try await driver.read(index, samples: 20_000) }
        #expect(driver.logs[0].samples == Self.floats(left))
        #expect(driver.logs[1].samples == Self.floats(right))
        // Both are lost with their writer, and continue at the same position with the next one.
        for log in driver.events { try await log.wait(for: .lost) }
        try await pipe.write(Self.interleaved(right, left))
        for index in [0, 1] { try await driver.read(index, samples: 40_000) }
        #expect(driver.logs[0].samples.suffix(20_000).elementsEqual(Self.floats(right)))
        #expect(driver.logs[0].gaps == driver.logs[1].gaps && driver.logs[0].gaps.count == 1)
        #expect(driver.logs.allSatisfy { $0.firstMismatch == nil })
        for log in driver.events {
            #expect(log.changes.drop { $0 == .lost }.starts(with: [.healthy, .lost, .healthy]))
        }
    }

    @Test func `A source that is paused alone has a gap, and the other channel loses nothing`() async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        // Resampled, so that the channels also keep in step there.
        let driver = try Driver(Self.stereo(pipe.path, rate: 48_000))
        let writer = try await pipe.openWriter()
        let part = Self.interleaved(Self.noise(1, 48_000), Self.noise(2, 48_000))
        func write() async throws {
            try await completes("a second of sound") { _ = writeAll(writer, part) }
        }
        try await write()
        for index in [0, 1] { try await driver.read(index, samples: 15_000) }
        driver.sources[0].pause()
        #expect(driver.events[0].states.last == .paused && driver.events[1].states.last == .healthy)
        let pausedAt = driver.rings[0].endPosition
        try await write()
        try await driver.read(1, samples: 31_000)
        #expect(driver.rings[0].endPosition == pausedAt, "nothing is written while it is paused")
        driver.sources[0].resume()
        try await write()
        try await driver.read(1, samples: 47_000)
        try await driver.read(0, until: "the samples after the pause") { log in
            log.samples.count > Int(pausedAt) && log.position >= 47_000
        }
        close(writer)
        let (left, right) = (driver.logs[0], driver.logs[1])
        #expect(right.missing(.paused) == 0 && right.firstMismatch == nil)
        #expect(left.gaps.count { $0.reason == .paused } == 1 && left.firstMismatch == nil)
        let gap = try #require(left.gaps.first { $0.reason == .paused })
        #expect(gap.start == pausedAt && gap.end - gap.start > 15_000)
        // Without a stall on a busy machine, positions are those of the other channel.
        try await eventually("the same positions") {
            driver.rings.map(\.endPosition)
        } until: {
            $0[0] == $0[1]
        }
        // Lost before the writer came, or on a busy machine.
        let changes = driver.events[0].changes.filter { $0 != .lost }
        #expect(changes == [.healthy, .paused, .healthy] || !right.gaps.isEmpty)
    }

    @Test func `The pipe is closed while all of its channels are paused, and only then`() async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        func hasReader() -> Bool {
            let writer = open(pipe.path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
            if writer >= 0 { close(writer) }
            return writer >= 0
        }
        let driver = try Driver(Self.stereo(pipe.path), paused: [1, 2])
        #expect(driver.events.map(\.states) == [[.paused], [.paused]])
        #expect(!hasReader())
        driver.sources[1].resume()
        let writer = try await pipe.openWriter()
        let part = Self.interleaved(Self.noise(1, 16_000), Self.noise(2, 16_000))
        try await completes("the first second") { _ = writeAll(writer, part) }
        try await driver.read(1, samples: 16_000)
        #expect(driver.rings[0].endPosition == 0)
        driver.sources[0].resume()
        try await completes("the second second") { _ = writeAll(writer, part) }
        try await driver.read(0, samples: 15_000)
        #expect(driver.logs[0].gaps.first == .init(start: 0, end: 16_000, reason: .paused))
        driver.sources[0].pause()
        #expect(hasReader())
        driver.sources[1].pause()
        try await eventually("the pipe is closed") { hasReader() ? nil : true }
        close(writer)
        #expect(driver.events.map { $0.states.last } == [.paused, .paused])
        driver.sources[0].resume()
        try await pipe.write(part)
        try await driver.read(0, until: "sound after both were paused") { $0.samples.count > 30_000 }
        #expect(driver.events[1].states.last == .paused)
        // One gap for the pause, which the loss before the writer came has extended.
        #expect(driver.logs[0].firstMismatch == nil && driver.rings[1].endPosition < 40_000)
    }

    @Test func `A source that is stopped ends its stream, and the other continues`() async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let driver = try Driver(Self.stereo(pipe.path))
        let writer = try await pipe.openWriter()
        let part = Self.interleaved(Self.noise(1, 8_000), Self.noise(2, 8_000))
        try await completes("some sound") { _ = writeAll(writer, part) }
        for index in [0, 1] { try await driver.read(index, samples: 8_000) }
        driver.sources[0].stop()
        var ended = driver.logs[0]
        try await ended.readToEnd(driver.rings[0])
        try await completes("more sound") { _ = writeAll(writer, part) }
        try await driver.read(1, samples: 16_000)
        #expect(ended.position == 8_000)
        driver.sources[1].stop()
        var last = driver.logs[1]
        try await last.readToEnd(driver.rings[1])
        close(writer)
    }

    @Test func `A stream with another number of channels is refused, or says how many are not used`()
        async throws
    {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let driver = try Driver(SourceSpec(parsing: "pipe:\(pipe.path)"))
        try await pipe.write(wavFile([Self.noise(1, 8_000)]))
        for log in driver.events {
            try await eventually("the loss") {
                log.all.contains {
                    $0.message?.hasSuffix("has 1 channel, and `channel: each` expects 2: write channel: mix")
                        == true
                } ? true : nil
            }
        }
        let three = [Self.noise(1, 8_000), Self.noise(2, 8_000), Self.noise(3, 8_000)]
        try await pipe.write(wavFile(three))
        for index in [0, 1] {
            try await driver.read(index, samples: 8_000)
            #expect(driver.logs[index].samples == Self.floats(three[index]))
            let log = driver.events[index]
            try await eventually("the message") {
                log.all.contains { $0.signal?.message?.hasPrefix("1 channel more than") == true } ? true : nil
            }
        }
    }

    @Test func `Nothing is opened before the last channel is started`() async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let driver = try Driver(Self.stereo(pipe.path), startingLater: true)
        try driver.sources[0].start(into: driver.rings[0], onEvent: driver.events[0].add)
        driver.sources[0].pause()
        driver.sources[0].resume()
        #expect(open(pipe.path, O_WRONLY | O_NONBLOCK | O_CLOEXEC) < 0)
        try driver.sources[1].start(into: driver.rings[1], onEvent: driver.events[1].add)
        try await pipe.write(Self.interleaved(Self.noise(1, 8_000), Self.noise(2, 8_000)))
        for index in [0, 1] { try await driver.read(index, samples: 8_000) }
    }

    @Test func `Each channel of a microphone has a stream of its own, with one recorder`() async throws {
        let server = try await PulseServer(sinks: ["sink_name=stereo rate=16000 channels=2 norewinds=1"])
        let driver = try Driver(.pulse(pattern: "stereo.monitor"), server: server.address)
        for log in driver.events { try await log.wait(for: .healthy) }
        #expect(try await server.recorders().count == 1)
        let tone = AudioFixture.sine(1_000, rate: 16_000, frames: 32_000)
        try await server.play(tone.flatMap { [$0, -$0 / 1.25] }, channels: 2, to: "stereo")
        for index in [0, 1] {
            try await driver.read(index, until: "the sound") { $0.samples.count { abs($0) > 0.02 } > 16_000 }
        }
        let peaks = driver.logs.map { $0.samples.map { abs($0) }.max() ?? 0 }
        #expect(abs(peaks[0] - 0.5) < 0.01 && abs(peaks[1] - 0.4) < 0.01)
        // One channel is paused, then both: the server then has no recorder.
        driver.sources[0].pause()
        #expect(try await server.recorders().count == 1)
        driver.sources[1].pause()
        #expect(try await server.recorders().isEmpty)
        for source in driver.sources { source.resume() }
        for log in driver.events { try await log.wait(for: .healthy, times: 2) }
        // A lost server is lost for both.
        server.kill()
        for log in driver.events { try await log.wait(for: .lost) }
        try await server.start()
        for log in driver.events { try await log.wait(for: .healthy, times: 3) }
        for index in [0, 1] {
            try await driver.read(index, until: "sound after the loss") {
                $0.gaps.last?.reason == .sourceLost && $0.position > ($0.gaps.last?.end ?? 0) + 8_000
            }
            #expect(driver.logs[index].firstMismatch == nil)
        }
        #expect(driver.logs[0].missing(.paused) > 0)
        #expect(driver.logs[0].missing(.sourceLost) == driver.logs[1].missing(.sourceLost))
    }
}
