import Capture
import Glibc
import TestSupport
import Testing

extension PulseSourceTests {
    /// Serialized with the other tests that have a server.
    @Suite(.serialized) struct Pause {
        @Test func `While it is paused nothing is recorded, and after it there is a hole for just that`()
            throws
        {
            let server = try PrivatePulseServer()
            let ring = SampleRing(capacitySamples: 16_000 * 300)
            let events = EventLog()
            let source = PulseSource(pattern: "exact.monitor", server: server.address)
            try source.start(into: ring, onEvent: events.add)
            #expect(events.wait(for: .healthy, seconds: 60))
            var log = StreamLog()
            #expect(log.run(ring, seconds: 60) { $0.samples.count > 4_000 })
            source.pause()
            source.pause()
            #expect(events.states == [.healthy, .paused])
            // What arrived before is all that comes.
            _ = log.run(ring, seconds: 0.2) { _ in false }
            let heard = log.samples.count
            #expect(!log.run(ring, seconds: 0.6) { $0.samples.count > heard })
            source.resume()
            source.resume()
            #expect(events.wait(for: .healthy, times: 2, seconds: 60))
            #expect(log.run(ring, seconds: 60) { $0.samples.count > heard + 4_000 })
            source.stop()
            source.pause()
            #expect(events.states == [.healthy, .paused, .recovering, .healthy])
            #expect(log.holes.count == 1 && log.firstBreak == nil)
            #expect(log.missing(.paused) >= 16_000 * 6 / 10, "\(log.holes)")
        }

        @Test func `A source that was lost before it was paused is found after it`() throws {
            let server = try PrivatePulseServer()
            let ring = SampleRing(capacitySamples: 16_000 * 300)
            let events = EventLog()
            let source = PulseSource(pattern: nil, server: server.address)
            try source.start(into: ring, onEvent: events.add)
            #expect(events.wait(for: .healthy, seconds: 60))
            server.kill()
            #expect(events.wait(for: .lost, seconds: 60))
            source.pause()
            try server.start()
            usleep(300_000)
            #expect(events.states == [.healthy, .lost, .paused])
            source.resume()
            #expect(events.wait(for: .healthy, times: 2, seconds: 60))
            source.stop()
            var log = StreamLog()
            _ = log.run(ring, seconds: 60)
            #expect(log.missing(.paused) == 0 && log.missing(.sourceLost) > 0)
        }
    }
}

@Suite(.timeLimit(.minutes(10))) struct PausedFileTests {
    @Test(arguments: [true, false])
    func `A file goes on where it was, and loses nothing`(isPaced: Bool) throws {
        let folder = try TestFolder()
        let stored = AudioFixture.noise(24_000)
        try AudioFixture.write(stored, rate: 16_000, as: .wavFloat, to: folder.file("f.wav"))
        let ring = SampleRing(capacitySamples: isPaced ? 32_000 : 2_000)
        let events = EventLog()
        let source = FileSource(path: folder.file("f.wav"), paced: isPaced)
        try source.start(into: ring, onEvent: events.add)
        var log = StreamLog()
        #expect(log.run(ring, seconds: 60) { $0.samples.count > 2_000 })
        source.pause()
        // A block may be on its way.
        _ = log.run(ring, seconds: 0.3) { _ in false }
        let heard = log.samples.count
        #expect(!log.run(ring, seconds: 0.5) { $0.samples.count > heard })
        #expect(heard < stored.count)
        source.resume()
        _ = log.run(ring, seconds: 60)
        source.stop()
        #expect(log.samples == stored && log.holes.isEmpty)
        #expect(events.states == [.healthy, .paused, .healthy])
    }

    @Test func `A paused source can be stopped`() throws {
        let folder = try TestFolder()
        try AudioFixture.write(
            AudioFixture.noise(160_000), rate: 16_000, as: .wavFloat, to: folder.file("f.wav"))
        let source = FileSource(path: folder.file("f.wav"), paced: true)
        let ring = SampleRing(capacitySamples: 32_000)
        try source.start(into: ring) { _ in }
        source.pause()
        source.stop()
        var log = StreamLog()
        _ = log.run(ring, seconds: 60)
        #expect(log.isFinished)
    }
}
