import Capture
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct FileSourceTests {
    @Test func `An unpaced file passes completely and in order through a small ring`() async throws {
        let folder = try TestFolder()
        let stored = AudioFixture.noise(100_003)
        try AudioFixture.write(stored, rate: 16_000, as: .wavFloat, to: folder.file("f.wav"))
        let ring = SampleRing(capacitySamples: 1_000)
        let events = EventLog()
        let source = FileSource(path: folder.file("f.wav"), paced: false)
        try source.start(into: ring, onEvent: events.add)
        var log = StreamLog()
        try await log.readToEnd(ring)
        source.stop()
        #expect(log.isFinished)
        #expect(log.samples == stored)
        #expect(log.gaps.isEmpty && log.firstMismatch == nil)
        let name = "file:\(folder.file("f.wav"))"
        #expect(
            events.all == [
                SourceEvent(state: .healthy, name: name),
                SourceEvent(state: .ended, name: name, message: "the file has ended"),
            ])
    }

    @Test func `A file whose channels cancel each other ends with a word about it`() async throws {
        let folder = try TestFolder()
        let sound = (0..<48_000).map { Int16(truncatingIfNeeded: $0 &* 331) / 4 }
        let path = try folder.write(wavFile([sound, sound.map { -$0 }]), to: "f.wav")
        let ring = SampleRing(capacitySamples: 100_000)
        let events = EventLog()
        let source = FileSource(path: path, paced: false)
        try source.start(into: ring, onEvent: events.add)
        var log = StreamLog()
        try await log.readToEnd(ring)
        source.stop()
        #expect(
            events.all.last?.message?.hasPrefix("the file has ended; \(path): the mean of its 2 channels")
                == true, "\(events.all)")
    }

    @Test func `A paced file takes its duration to play, with current times`() async throws {
        let folder = try TestFolder()
        let stored = AudioFixture.noise(16_000)
        try AudioFixture.write(stored, rate: 16_000, as: .wavFloat, to: folder.file("f.wav"))
        let ring = SampleRing(capacitySamples: 32_000)
        let source = FileSource(path: folder.file("f.wav"), paced: true)
        let begin = SystemClock.bootNanos
        try source.start(into: ring) { _ in }
        var log = StreamLog()
        try await log.readToEnd(ring)
        let end = SystemClock.bootNanos
        #expect(log.samples == stored)
        // The file lasts one second, so its last sample is not earlier than that.
        #expect(log.lastNanos >= begin + 1_000_000_000)
        #expect(log.lastNanos <= end)
    }

    @Test func `A paced file overruns a consumer that does not read`() async throws {
        let folder = try TestFolder()
        try AudioFixture.write(
            AudioFixture.noise(8_000), rate: 16_000, as: .wavFloat, to: folder.file("f.wav"))
        let ring = SampleRing(capacitySamples: 3_000)
        let source = FileSource(path: folder.file("f.wav"), paced: true)
        try source.start(into: ring) { _ in }
        try await eventually("an overrun of all that does not fit") {
            ring.overrunSamples
        } until: {
            $0 >= 5_000
        }
        var log = StreamLog()
        try await log.readToEnd(ring)
        #expect(log.isFinished && log.samples.count == 3_000)
        #expect(log.gaps == [.init(start: 3_000, end: 8_000, reason: .overrun)])
    }

    @Test func `Stopping ends a paced sleep and a wait for room, and finishes the stream`() async throws {
        let folder = try TestFolder()
        let stored = AudioFixture.noise(16_000 * 30)
        try AudioFixture.write(stored, rate: 16_000, as: .wav16, to: folder.file("f.wav"))
        for paced in [true, false] {
            let ring = SampleRing(capacitySamples: 1_000)
            let source = FileSource(path: folder.file("f.wav"), paced: paced)
            try source.start(into: ring) { _ in }
            try await eventually("the first samples") {
                ring.filledSamples
            } until: {
                $0 > 0
            }
            try await completes("stop()") {
                source.stop()
                source.stop()
            }
            var log = StreamLog()
            try await log.readToEnd(ring)
            #expect(log.isFinished && log.samples.count <= 1_000, "paced \(paced)")
        }
    }

    @Test func `A file that cannot be opened is an error of start, and the ring is unchanged`()
        async throws
    {
        let ring = SampleRing(capacitySamples: 100)
        let source = FileSource(path: "/nonexistent.wav", paced: false)
        #expect(throws: CaptureError.fileNotFound(path: "/nonexistent.wav")) {
            try source.start(into: ring) { _ in }
        }
        source.stop()
        #expect(ring.pop(1).read == .empty)
    }

    @Test func `Damage in the middle of a file is an event, and ends the stream`() async throws {
        let folder = try TestFolder()
        var stored = AudioFixture.noise(20_000)
        stored[15_000] = .nan
        try AudioFixture.write(stored, rate: 16_000, as: .wavFloat, to: folder.file("f.wav"))
        let ring = SampleRing(capacitySamples: 40_000)
        let events = EventLog()
        let source = FileSource(path: folder.file("f.wav"), paced: false)
        try source.start(into: ring, onEvent: events.add)
        var log = StreamLog()
        try await log.readToEnd(ring)
        source.stop()
        #expect(log.isFinished)
        #expect(events.states == [.healthy, .lost])
        #expect(events.all.last?.message?.contains("(nan) at frame 15000") == true)
        #expect(!log.samples.isEmpty && log.samples.elementsEqual(stored[..<log.samples.count]))
    }

    @Test(arguments: [true, false])
    func `A file that starts paused is read after resume only`(isPaced: Bool) async throws {
        let folder = try TestFolder()
        let stored = AudioFixture.noise(4_000)
        try AudioFixture.write(stored, rate: 16_000, as: .wavFloat, to: folder.file("f.wav"))
        let ring = SampleRing(capacitySamples: 8_000)
        let events = EventLog()
        let source = FileSource(path: folder.file("f.wav"), paced: isPaced, startsPaused: true)
        try source.start(into: ring, onEvent: events.add)
        #expect(events.states == [.paused])
        let begin = SystemClock.bootNanos
        source.resume()
        var log = StreamLog()
        try await log.readToEnd(ring)
        source.stop()
        #expect(log.samples == stored)
        #expect(log.lastNanos > begin)
        #expect(events.states == [.paused, .healthy, .ended])
    }
}
