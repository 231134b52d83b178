import Capture
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct FileSourceTests {
    @Test func `A file that is not paced comes whole and in order through a small ring`() throws {
        let folder = try TestFolder()
        let stored = AudioFixture.noise(100_003)
        try AudioFixture.write(stored, rate: 16_000, as: .wavFloat, to: folder.file("f.wav"))
        let ring = SampleRing(capacitySamples: 1_000)
        let events = EventLog()
        let source = FileSource(path: folder.file("f.wav"), paced: false)
        try source.start(into: ring, onEvent: events.add)
        var log = StreamLog()
        _ = log.run(ring, seconds: 60)
        source.stop()
        #expect(log.isFinished)
        #expect(log.samples == stored)
        #expect(log.holes.isEmpty && log.firstBreak == nil)
        #expect(events.all == [SourceEvent(state: .healthy, name: "file:\(folder.file("f.wav"))")])
    }

    @Test func `A paced file takes as long as it sounds, and its times are now`() throws {
        let folder = try TestFolder()
        let stored = AudioFixture.noise(16_000)
        try AudioFixture.write(stored, rate: 16_000, as: .wavFloat, to: folder.file("f.wav"))
        let ring = SampleRing(capacitySamples: 32_000)
        let source = FileSource(path: folder.file("f.wav"), paced: true)
        let begin = monotonicSeconds()
        try source.start(into: ring) { _ in }
        var log = StreamLog()
        _ = log.run(ring, seconds: 60)
        let took = monotonicSeconds() - begin
        #expect(log.isFinished && log.samples == stored)
        #expect(took >= 0.99 && took < 20, "took \(took) s")
        var now = timespec()
        clock_gettime(CLOCK_BOOTTIME, &now)
        #expect(abs(Double(log.lastNanos) / 1e9 - Double(now.tv_sec)) < 30)
    }

    @Test func `A paced file overruns a consumer that does not read`() throws {
        let folder = try TestFolder()
        try AudioFixture.write(
            AudioFixture.noise(8_000), rate: 16_000, as: .wavFloat, to: folder.file("f.wav"))
        let ring = SampleRing(capacitySamples: 3_000)
        let source = FileSource(path: folder.file("f.wav"), paced: true)
        try source.start(into: ring) { _ in }
        let deadline = monotonicSeconds() + 60
        while ring.overrunSamples < 5_000 && monotonicSeconds() < deadline { usleep(10_000) }
        var log = StreamLog()
        _ = log.run(ring, seconds: 60)
        #expect(log.isFinished && log.samples.count == 3_000)
        #expect(log.holes == [.init(start: 3_000, end: 8_000, reason: .overrun)])
    }

    @Test func `Stopping ends a paced sleep and a wait for room, and finishes the stream`() throws {
        let folder = try TestFolder()
        let stored = AudioFixture.noise(16_000 * 30)
        try AudioFixture.write(stored, rate: 16_000, as: .wav16, to: folder.file("f.wav"))
        for paced in [true, false] {
            let ring = SampleRing(capacitySamples: 1_000)
            let source = FileSource(path: folder.file("f.wav"), paced: paced)
            try source.start(into: ring) { _ in }
            usleep(50_000)
            let begin = monotonicSeconds()
            source.stop()
            source.stop()
            #expect(monotonicSeconds() - begin < 20)
            var log = StreamLog()
            _ = log.run(ring, seconds: 20)
            #expect(log.isFinished && log.samples.count <= 1_000, "paced \(paced)")
        }
    }

    @Test func `A file that cannot be opened is an error of start, and the ring stays as it was`() throws {
        let ring = SampleRing(capacitySamples: 100)
        let source = FileSource(path: "/nonexistent.wav", paced: false)
        #expect(throws: CaptureError.fileNotFound(path: "/nonexistent.wav")) {
            try source.start(into: ring) { _ in }
        }
        source.stop()
        #expect(ring.pop(1).read == .empty)
    }

    @Test func `Damage in the middle of a file is an event, and ends the stream`() throws {
        let folder = try TestFolder()
        var stored = AudioFixture.noise(20_000)
        stored[15_000] = .nan
        try AudioFixture.write(stored, rate: 16_000, as: .wavFloat, to: folder.file("f.wav"))
        let ring = SampleRing(capacitySamples: 40_000)
        let events = EventLog()
        let source = FileSource(path: folder.file("f.wav"), paced: false)
        try source.start(into: ring, onEvent: events.add)
        var log = StreamLog()
        _ = log.run(ring, seconds: 60)
        source.stop()
        #expect(log.isFinished)
        #expect(events.states == [.healthy, .lost])
        #expect(events.all.last?.message?.contains("nan at frame 15000") == true)
        #expect(!log.samples.isEmpty && log.samples.elementsEqual(stored[..<log.samples.count]))
    }
}
