import Glibc
import TestSupport
import Testing

@testable import Capture

/// The frames of live sources as they were captured, beside their samples at 16 kHz.
@Suite(.serialized, .timeLimit(.minutes(10))) struct OriginalSoundTests {
    /// What the ring has delivered.
    private final class Originals {
        let ring = OriginalRing()
        var chunks: [OriginalRing.Chunk] = []
        var values: [Int16] = []

        func read() {
            var last: OriginalRing.Chunk?
            while ring.pop(
                before: .max,
                into: { chunk, values in
                    if chunk != last { chunks.append(chunk) }
                    last = chunk
                    self.values += values
                })
            {}
        }
    }

    private static func noise(_ seed: UInt64, _ count: Int) -> [Int16] {
        var random = SeededGenerator(seed: seed)
        return random.floats(count, in: -0.9...0.9).map { Int16($0 * 32_767) }
    }

    @Test(arguments: [8_000, 16_000, 44_100, 48_000])
    func `All frames of a pipe arrive bit for bit, in chunks that follow each other`(rate: Int) async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let originals = Originals()
        let spec = try SourceSpec(parsing: "pipe:\(pipe.path)?rate=\(rate)&channels=2&format=s16le")
        let source = spec.makeSource(paced: true, pulseServer: nil, original: originals.ring)
        let ring = SampleRing(capacitySamples: 16_000 * 60)
        try source.start(into: ring, onEvent: { _ in })
        let seconds = 2
        let frames = Self.noise(1, rate * seconds * 2)
        try await pipe.write(bytes16(frames))
        var log = StreamLog()
        try await log.read(ring, until: "all samples") { $0.samples.count >= 16_000 * seconds }
        source.stop()
        originals.read()
        #expect(originals.values == frames)
        #expect(
            log.samples.count == 16_000 * seconds
                && originals.chunks.last.map { $0.start + $0.samples } == 32_000)
        for (chunk, next) in zip(originals.chunks, originals.chunks.dropFirst()) {
            #expect(next.start == chunk.start + chunk.samples)
            #expect(next.resampled == chunk.resampled + chunk.samples)
        }
        #expect(originals.chunks.allSatisfy { $0.rateHz == rate && $0.channels == 2 })
    }

    @Test(arguments: [44_100, 48_000])
    func `A sound is at the same position in both, also after a gap`(rate: Int) async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let originals = Originals()
        let spec = try SourceSpec(parsing: "pipe:\(pipe.path)?rate=\(rate)&channels=1&format=s16le")
        let source = spec.makeSource(paced: true, pulseServer: nil, original: originals.ring)
        let (ring, events) = (SampleRing(capacitySamples: 16_000 * 60), EventLog())
        try source.start(into: ring, onEvent: events.add)
        defer { source.stop() }
        // A short sound that a resampler keeps: one period of 1 kHz with a smooth begin and end.
        let begin = rate / 3
        let length = rate / 250
        var sound = [Int16](repeating: 0, count: rate)
        for frame in 0..<length {
            let part = Double(frame) / Double(length)
            let fade = sin(part * .pi)
            sound[begin + frame] = Int16(20_000 * fade * fade * sin(part * 8 * .pi))
        }
        var log = StreamLog()
        for writer in 1...2 {
            try await pipe.write(bytes16(sound))
            try await log.read(ring, until: "the samples of writer \(writer)") {
                $0.samples.count >= 16_000 * writer
            }
            try await events.wait(for: .lost, times: writer)
        }
        originals.read()
        #expect(log.gaps.count == 1 && originals.values.count == 2 * rate)
        // The centres of energy, as positions.
        func centre(_ values: [Double], _ position: (Int) -> Double) -> Double {
            let energies = values.map { $0 * $0 }
            let sum = energies.reduce(0, +)
            return zip(energies.indices, energies).reduce(0) { $0 + position($1.0) * $1.1 } / sum
        }
        for half in 0...1 {
            let start = Double(half * (16_000 + Int(log.gaps[0].end - log.gaps[0].start)))
            let resampled = centre(log.samples[half * 16_000..<(half + 1) * 16_000].map(Double.init)) {
                start + Double($0)
            }
            let first = try #require(originals.chunks.first { Double($0.start) >= start })
            #expect(Double(first.start) == start && first.resampled == 0)
            let captured = centre(originals.values[half * rate..<(half + 1) * rate].map(Double.init)) {
                start + Double($0) * 16_000 / Double(rate)
            }
            #expect(abs(resampled - captured) < 0.05, "\(resampled) and \(captured)")
        }
    }

    @Test func `A source of one channel keeps that channel, and silence of its pauses is not kept`()
        async throws
    {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let spec = try SourceSpec(parsing: "pipe:\(pipe.path)?rate=48000&channels=2&format=s16le")
        let capture = ChannelCapture(spec, channels: 2, signal: SignalSettings(), pulseServer: nil)
        let originals = [Originals(), Originals()]
        let sources = [1, 2].map {
            capture.source(channel: $0, startsPaused: false, original: originals[$0 - 1].ring)
        }
        let rings = sources.map { _ in SampleRing(capacitySamples: 16_000 * 60) }
        for (source, ring) in zip(sources, rings) { try source.start(into: ring, onEvent: { _ in }) }
        let (left, right) = (Self.noise(1, 48_000), Self.noise(2, 48_000))
        let writer = try await pipe.openWriter()
        let bytes = bytes16(zip(left, right).flatMap { [$0, $1] })
        try await completes("the first second") { _ = writeAll(writer, bytes) }
        var logs = [StreamLog(), StreamLog()]
        try await logs[1].read(rings[1], until: "the first second") { $0.samples.count > 15_000 }
        sources[0].pause()
        let pausedAt = rings[0].endPosition
        try await completes("the second second") { _ = writeAll(writer, bytes) }
        try await logs[1].read(rings[1], until: "the second second") { $0.samples.count > 31_000 }
        sources[0].resume()
        try await completes("the third second") { _ = writeAll(writer, bytes) }
        close(writer)
        try await logs[1].read(rings[1], until: "all samples") { $0.samples.count >= 48_000 }
        try await eventually("the same positions") {
            rings.map(\.endPosition)
        } until: {
            $0[0] == $0[1]
        }
        for source in sources { source.stop() }
        for one in originals { one.read() }
        #expect(originals[1].values == right + right + right)
        let last = try #require(originals[0].chunks.last { $0.start < pausedAt })
        let before = Int(last.resampled + last.samples)
        #expect(originals[0].values.starts(with: left[..<(before * 3)]))
        let resumed = try #require(originals[0].chunks.first { $0.start >= pausedAt })
        #expect(resumed.start - pausedAt > 15_000 && resumed.resampled == resumed.start)
        // What the resampler held back during the pause is silence; the rest is the sound of this channel.
        #expect(originals[0].values[before * 3] == 0)
        let after = originals[0].values.suffix(30_000)
        #expect(after.elementsEqual(left.suffix(30_000)))
        #expect(originals[0].chunks.allSatisfy { $0.channels == 1 && $0.rateHz == 48_000 })
    }

    @Test func `A full ring drops chunks, and what it keeps is whole`() {
        let ring = OriginalRing(capacityValues: 1_000)
        func chunk(_ start: Int64) -> OriginalRing.Chunk {
            .init(start: start, samples: 100, resampled: start, rateHz: 48_000, channels: 1)
        }
        for number in 0..<5 {
            let values = [Int16](repeating: Int16(number), count: 300)
            ring.push(chunk(Int64(number) * 100), from: values)
        }
        var found: [Int64: [Int16]] = [:]
        func read() -> Bool { ring.pop(before: 1_000) { found[$0.start, default: []] += $1 } }
        #expect(!ring.pop(before: 0) { _, _ in } && read())
        // Wraps around the end of the storage.
        ring.push(chunk(500), from: [Int16](repeating: 5, count: 300))
        while read() {}
        #expect(found.keys.sorted() == [0, 100, 200, 500])
        for (start, values) in found {
            #expect(values == [Int16](repeating: Int16(start / 100), count: 300))
        }
    }

    @Test func `A microphone is recorded at its own rate, and resampled as a pipe is`() async throws {
        let server = try await PulseServer(sinks: ["sink_name=wide rate=48000 channels=2 norewinds=1"])
        let originals = Originals()
        let source = SourceSpec.pulse(pattern: "wide.monitor").makeSource(
            paced: true, pulseServer: server.address, original: originals.ring)
        let (ring, events) = (SampleRing(capacitySamples: 16_000 * 60), EventLog())
        try source.start(into: ring, onEvent: events.add)
        try await events.wait(for: .healthy)
        let tone = AudioFixture.sine(1_000, rate: 16_000, frames: 32_000)
        try await server.play(tone.flatMap { [$0, $0 / 2] }, channels: 2, to: "wide")
        var log = StreamLog()
        try await log.read(ring, until: "the silence after the sound") {
            let quiet = $0.samples.suffix(8_000)
            return $0.samples.count { abs($0) > 0.05 } > 16_000 && quiet.allSatisfy { abs($0) < 1e-3 }
        }
        source.stop()
        originals.read()
        #expect(originals.chunks.allSatisfy { $0.rateHz == 48_000 && $0.channels == 2 })
        let left = stride(from: 0, to: originals.values.count, by: 2).map {
            Float(originals.values[$0]) / 32_768
        }
        let right = stride(from: 1, to: originals.values.count, by: 2).map {
            Float(originals.values[$0]) / 32_768
        }
        let peaks = [left, right].map { $0.map { abs($0) }.max() ?? 0 }
        #expect(abs(peaks[0] - 0.5) < 0.02 && abs(peaks[1] - 0.25) < 0.02)
        // The sound begins at the same time in both.
        let frame = try #require(left.firstIndex { abs($0) > 0.2 })
        let sample = try #require(log.samples.firstIndex { abs($0) > 0.15 })
        #expect(abs(Double(frame) / 3 - Double(sample)) < 2)
        #expect(log.gaps.isEmpty && log.firstMismatch == nil)
    }
}
