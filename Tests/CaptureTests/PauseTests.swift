import Capture
import Glibc
import TestSupport
import Testing

extension PulseSourceTests {
    /// Serialized with the other tests that have a server.
    @Suite(.serialized) struct Pause {
        @Test func `A paused source records nothing, and the pause is one gap`()
            async throws
        {
            let server = try await PulseServer()
            let ring = SampleRing(capacitySamples: 16_000 * 300)
            let events = EventLog()
            let source = PulseSource(pattern: "exact.monitor", server: server.address)
            try source.start(into: ring, onEvent: events.add)
            try await events.wait(for: .healthy)
            var log = StreamLog()
            try await log.read(ring, until: "a quarter of a second") { $0.samples.count > 4_000 }
            source.pause()
            source.pause()
            #expect(events.states == [.healthy, .paused])
            try await eventually("a server without recorders") {
                try await server.recorders()
            } until: {
                $0.isEmpty
            }
            log.readAvailable(ring)
            let end = log.position
            let begin = SystemClock.bootNanos
            // Half a second passes on the server, too.
            try await server.play([Float](repeating: 0.5, count: 8_000), to: PulseServer.sink)
            let paused = (SystemClock.bootNanos - begin) / CaptureFormat.nanosPerSample
            source.resume()
            source.resume()
            try await events.wait(for: .healthy, times: 2)
            try await log.read(ring, until: "a quarter of a second more") {
                $0.position > end + paused + 4_000
            }
            source.stop()
            source.pause()
            #expect(events.changes == [.healthy, .paused, .recovering, .healthy])
            #expect(log.gaps.map(\.start) == [end])
            #expect(log.gaps.map(\.reason) == [.paused])
            #expect(log.missing(.paused) >= paused)
            #expect(log.firstMismatch == nil)
        }

        @Test func `A source that starts paused does not connect before it is resumed`() async throws {
            let server = try await PulseServer()
            let ring = SampleRing(capacitySamples: 16_000 * 300)
            let events = EventLog()
            let source = PulseSource(pattern: "exact.monitor", server: server.address, startsPaused: true)
            try source.start(into: ring, onEvent: events.add)
            #expect(events.states == [.paused])
            // Half a second passes on the server.
            try await server.play([Float](repeating: 0.5, count: 8_000), to: PulseServer.sink)
            #expect(try await server.recorders().isEmpty)
            source.pause()
            source.resume()
            try await events.wait(for: .healthy)
            var log = StreamLog()
            try await log.read(ring, until: "a quarter of a second") { $0.samples.count > 4_000 }
            source.stop()
            #expect(events.changes == [.paused, .recovering, .healthy])
            #expect(log.gaps.isEmpty, "the stream begins with its first sample")
        }

        @Test func `A source that was lost before the pause is found after it`() async throws {
            let server = try await PulseServer()
            let ring = SampleRing(capacitySamples: 16_000 * 300)
            let events = EventLog()
            let source = PulseSource(pattern: nil, server: server.address)
            try source.start(into: ring, onEvent: events.add)
            try await events.wait(for: .healthy)
            server.kill()
            try await events.wait(for: .lost)
            source.pause()
            try await server.start()
            // A source that is not paused would connect at once to a server that answers.
            #expect(try listPulseSources(server: server.address).count == 1)
            #expect(events.changes == [.healthy, .lost, .paused])
            #expect(try await server.recorders().isEmpty)
            source.resume()
            try await events.wait(for: .healthy, times: 2)
            source.stop()
            var log = StreamLog()
            try await log.readToEnd(ring)
            #expect(log.missing(.paused) == 0 && log.missing(.sourceLost) > 0)
        }
    }
}

@Suite(.timeLimit(.minutes(10))) struct PausedFileTests {
    @Test(arguments: [true, false])
    func `After a pause a file continues where it stopped, and no sample is lost`(isPaced: Bool) async throws
    {
        let folder = try TestFolder()
        // Longer than any test waits, so that it does not end before the pause.
        let stored = AudioFixture.noise(Int(waitLimitSeconds) * 16_000)
        try AudioFixture.write(stored, rate: 16_000, as: .wavFloat, to: folder.file("f.wav"))
        let ring = SampleRing(capacitySamples: isPaced ? stored.count : 2_000)
        let events = EventLog()
        let source = FileSource(path: folder.file("f.wav"), paced: isPaced)
        try source.start(into: ring, onEvent: events.add)
        var log = StreamLog()
        // Blocks its thread: suspended under load, this test might run again only after the end of the file.
        for _ in 0..<60_000 where ring.filledSamples < 1_000 { usleep(1_000) }
        source.pause()
        // At most one block is in transit, however long the pause: here as long as another file plays.
        let most = log.samples.count + ring.filledSamples + CaptureFormat.blockSamples
        let other = FileSource(path: folder.file("f.wav"), paced: true)
        let otherRing = SampleRing(capacitySamples: 32_000)
        try other.start(into: otherRing) { _ in }
        var otherLog = StreamLog()
        try await otherLog.read(otherRing, until: "half a second") { $0.samples.count >= 8_000 }
        other.stop()
        log.readAvailable(ring)
        #expect(log.samples.count <= most)
        #expect(log.samples.count < stored.count)
        source.resume()
        try await log.read(ring, until: "half a second more") { $0.samples.count >= most + 8_000 }
        source.stop()
        #expect(log.samples.elementsEqual(stored.prefix(log.samples.count)))
        #expect(log.gaps.isEmpty)
        #expect(events.states.prefix(3) == [.healthy, .paused, .healthy])
    }

    @Test func `A paused source can be stopped`() async throws {
        let folder = try TestFolder()
        try AudioFixture.write(
            AudioFixture.noise(160_000), rate: 16_000, as: .wavFloat, to: folder.file("f.wav"))
        let source = FileSource(path: folder.file("f.wav"), paced: true)
        let ring = SampleRing(capacitySamples: 32_000)
        try source.start(into: ring) { _ in }
        source.pause()
        source.stop()
        var log = StreamLog()
        try await log.readToEnd(ring)
        #expect(log.isFinished)
    }
}
