import Capture
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct StdinSourceTests {
    /// All samples that a stream of bytes is decoded to.
    static func play(
        _ bytes: [UInt8], as spec: String = "stdin"
    ) async throws -> (log: StreamLog, events: [SourceEvent], failure: CaptureError?) {
        let pipe = try TestPipe()
        let ring = SampleRing(capacitySamples: 4_000)
        let events = EventLog()
        guard case .stdin(let format) = try SourceSpec(parsing: spec) else { throw TestFailure(spec) }
        let source = StdinSource(descriptor: pipe.readEnd, format: format)
        try source.start(into: ring, onEvent: events.add)
        let writer = TestThread { pipe.writeAndClose(bytes) }
        var log = StreamLog()
        try await log.readToEnd(ring)
        source.stop()
        writer.join()
        // The writer's copy is gone when it has written; the descriptor must stay open until here.
        withExtendedLifetime(pipe) {}
        return (log, events.all, source.failure)
    }

    private static func bytes(of samples: [Int16]) -> [UInt8] {
        samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    }

    /// The bytes of a WAV file, with the length that a program writes to a pipe, where it cannot know it.
    private static func wav(
        _ samples: [Float], rate: Int, channels: Int = 1, as format: AudioFixture.Format, length: UInt32?
    ) throws -> [UInt8] {
        let folder = try TestFolder()
        try AudioFixture.write(samples, rate: rate, channels: channels, as: format, to: folder.file("s.wav"))
        var bytes = try TestFolder.bytes(of: folder.file("s.wav"))
        if let length {
            let data = try #require(bytes.indices.first { bytes[$0...].starts(with: "data".utf8) })
            bytes.replaceSubrange(
                data + 4..<data + 8, with: withUnsafeBytes(of: length.littleEndian, Array.init))
        }
        return bytes
    }

    @Test func `Bytes without a header are 16-bit samples at 16 kHz`() async throws {
        let stored: [Int16] = (0..<40_001).map { Int16(truncatingIfNeeded: $0 &* 7919) }
        let (log, events, _) = try await Self.play(Self.bytes(of: stored))
        #expect(log.isFinished)
        #expect(log.samples == stored.map { Float($0) / 32_768 })
        #expect(events.map(\.state) == [.healthy, .ended])
        #expect(events.map(\.name) == ["stdin", "stdin"])
        #expect(events.last?.message == "standard input has ended")
    }

    @Test(arguments: [UInt32?.none, 0, 0xFFFF_FFFF, 0x7FFF_FFFF])
    func `A WAV stream is read to its end, with a known length and without`(length: UInt32?) async throws {
        let stored = AudioFixture.noise(30_000)
        let (log, events, _) = try await Self.play(
            Self.wav(stored, rate: 16_000, as: .wavFloat, length: length))
        #expect(log.samples == stored)
        #expect(events.map(\.state) == [.healthy, .ended])
    }

    @Test func `A WAV stream of another rate and several channels is converted like a file`() async throws {
        let folder = try TestFolder()
        let stored = AudioFixture.noise(88_200)
        let path = folder.file("f.wav")
        try AudioFixture.write(stored, rate: 44_100, channels: 2, as: .wav24, to: path)
        let (log, _, _) = try await Self.play(
            Self.wav(stored, rate: 44_100, channels: 2, as: .wav24, length: 0xFFFF_FFFF))
        #expect(log.samples == (try AudioFixture.readAll(path: path)))
    }

    @Test func `Bytes after the samples of a WAV stream are ignored`() async throws {
        let stored = AudioFixture.noise(1_000)
        let bytes = try Self.wav(stored, rate: 16_000, as: .wavFloat, length: 4_000)
        let (log, events, _) = try await Self.play(bytes + Array("LIST\u{4}\0\0\0abcd".utf8))
        #expect(log.samples == stored)
        #expect(events.map(\.state) == [.healthy, .ended])
    }

    @Test func `Streams that follow each other are played, at any rate`() async throws {
        let stored = AudioFixture.noise(10_000)
        let first = try Self.wav(stored, rate: 16_000, as: .wavFloat, length: nil)
        let list = Array("LIST\u{5}\0\0\0abcde\0".utf8)
        for second in [first, list + first, [0, 0] + first, list + list + first] {
            let (log, events, failure) = try await Self.play(first + second + list)
            #expect(log.samples == stored + stored)
            #expect(events.map(\.state) == [.healthy, .ended])
            #expect(failure == nil)
        }
        let other = try Self.wav(AudioFixture.noise(48_000), rate: 48_000, as: .aiff16, length: nil)
        #expect(try await Self.play(first + other).log.samples.count == 26_000)
    }

    @Test func `Bytes behind the samples that are no chunk are reported`() async throws {
        let bytes = try Self.wav(AudioFixture.noise(10_000), rate: 16_000, as: .wavFloat, length: 10_000)
        let (log, events, failure) = try await Self.play(bytes)
        #expect(log.samples.count == 2_500)
        #expect(events.map(\.state) == [.healthy, .lost])
        #expect(failure?.code == "truncated")
        #expect(failure?.description.contains("more follows the 10000 bytes of samples") == true)
    }

    @Test func `A few stray bytes behind the samples are ignored, as in files`() async throws {
        let bytes = try Self.wav(AudioFixture.noise(10_000), rate: 16_000, as: .wavFloat, length: nil)
        let (log, events, failure) = try await Self.play(bytes + [1, 2, 3])
        #expect(log.samples.count == 10_000)
        #expect(events.map(\.state) == [.healthy, .ended])
        #expect(failure == nil)
    }

    @Test func `A WAV stream that ends early is played to its end and reported`() async throws {
        let bytes = try Self.wav(AudioFixture.noise(10_000), rate: 16_000, as: .wavFloat, length: 40_000)
        let (log, events, failure) = try await Self.play(Array(bytes.dropLast(20_000)))
        #expect(failure?.code == "truncated")
        #expect(log.samples.count == 5_000)
        #expect(events.map(\.state) == [.healthy, .lost])
        #expect(events.last?.message?.contains("before the length in its header") == true)
    }

    @Test func `A format that cannot be read from a pipe is rejected with what to do`() async throws {
        for (bytes, hint) in [
            ([], "empty"), (Array("hello, is there anybody out there?\n".utf8), "text"),
            (Array("fLaC".utf8) + [UInt8](repeating: 0, count: 999), "ffmpeg"),
            (Array("OggS".utf8) + [UInt8](repeating: 0, count: 999), "ffmpeg"),
            (Array("RIFF\0\0\0\0WAVEfmt ".utf8), "damaged"),
            (Array("RIFF\0\0\0\0WAVEdata\0\0\0\0".utf8), "damaged"),
        ] {
            let (log, events, _) = try await Self.play(bytes)
            #expect(log.isFinished && log.samples.isEmpty, "\(hint)")
            #expect(events.map(\.state) == [.lost], "\(hint)")
            #expect(events.last?.message?.contains(hint) == true, "\(events.last?.message ?? "nothing")")
        }
    }

    @Test(arguments: [AudioFixture.Format.w64, .rf64, .aiff16, .au16, .caf16])
    func `A stream with another header of samples is read like a file`(format: AudioFixture.Format)
        async throws
    {
        let stored = AudioFixture.noise(30_000)
        let bytes = try Self.wav(stored, rate: 44_100, channels: 2, as: format, length: nil)
        let folder = try TestFolder()
        let wanted = try AudioFixture.readAll(path: folder.write(bytes, to: "f"))
        let (log, events, failure) = try await Self.play(bytes)
        #expect(log.samples == wanted)
        #expect(events.map(\.state) == [.healthy, .ended])
        #expect(failure == nil)
    }

    @Test func `Samples without a header have the format that the source states`() async throws {
        let values: [Int32] = (0..<8_000).map { Int32(truncatingIfNeeded: $0 &* 7919 &* 65_537) }
        func bytes(_ count: Int) -> [UInt8] {
            values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0.suffix(count)) } }
        }
        let floats = values.map { Float($0 >> 8) / 8_388_608 }
        for (name, data, wanted) in [
            ("s24le", bytes(3), floats), ("s32le", bytes(4), values.map { Float($0) / 2_147_483_648 }),
            ("s16le", bytes(2), values.map { Float($0 >> 16) / 32_768 }),
            ("f32le", floats.flatMap { value in withUnsafeBytes(of: value) { Array($0) } }, floats),
        ] {
            let log = try await Self.play(data, as: "stdin:format=\(name)").log
            #expect(log.samples == wanted, "\(name)")
        }
        let folder = try TestFolder()
        let stored = AudioFixture.noise(44_100)
        try AudioFixture.write(stored, rate: 44_100, channels: 2, as: .wav16, to: folder.file("f.wav"))
        let file = try TestFolder.bytes(of: folder.file("f.wav"))
        let log = try await Self.play(Array(file.dropFirst(44)), as: "stdin:rate=44100,channels=2").log
        #expect(log.samples == (try AudioFixture.readAll(path: folder.file("f.wav"))))
    }

    @Test func `Standard input without a byte for three seconds is lost until bytes come`() async throws {
        let pipe = try TestPipe()
        let ring = SampleRing(capacitySamples: 16_000)
        let events = EventLog()
        let source = StdinSource(descriptor: pipe.readEnd)
        try source.start(into: ring, onEvent: events.add)
        pipe.write(Self.bytes(of: [Int16](repeating: 1_000, count: 3_200)))
        try await events.wait(for: .lost)
        #expect(events.all.last?.message?.contains("no bytes on standard input for 3 seconds") == true)
        pipe.writeAndClose(Self.bytes(of: [Int16](repeating: 1_000, count: 3_200)))
        try await events.wait(for: .ended)
        #expect(events.states == [.healthy, .lost, .healthy, .ended])
        var log = StreamLog()
        try await log.readToEnd(ring)
        #expect(log.samples.count == 6_400)
        source.stop()
        withExtendedLifetime(pipe) {}
    }

    @Test func `Samples are delivered as they arrive, and stopping ends the wait`() async throws {
        let pipe = try TestPipe()
        let ring = SampleRing(capacitySamples: 16_000)
        let source = StdinSource(descriptor: pipe.readEnd)
        try source.start(into: ring) { _ in }
        pipe.write(Self.bytes(of: [Int16](repeating: 1_000, count: 1_600)))
        var log = StreamLog()
        try await log.read(ring, until: "a tenth of a second") { $0.samples.count >= 1_600 }
        try await completes("stop()") { source.stop() }
        try await log.readToEnd(ring)
        #expect(log.isFinished)
        pipe.closeWriteEnd()
    }

    @Test func `Standard input that starts paused is read only after resume`() async throws {
        let pipe = try TestPipe()
        let ring = SampleRing(capacitySamples: 4_000)
        let events = EventLog()
        let source = StdinSource(descriptor: pipe.readEnd, startsPaused: true)
        try source.start(into: ring, onEvent: events.add)
        pipe.writeAndClose(Self.bytes(of: [Int16](repeating: 1_000, count: 1_600)))
        #expect(events.states == [.paused])
        #expect(pipe.waitingBytes == 3_200)
        source.resume()
        var log = StreamLog()
        try await log.readToEnd(ring)
        source.stop()
        withExtendedLifetime(pipe) {}
        #expect(log.samples.count == 1_600)
        #expect(events.states == [.paused, .healthy, .ended])
    }
}
