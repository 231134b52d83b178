import Capture
import Glibc
import TestSupport
import Testing

@Suite struct AudioFileReaderTests {
    @Test func `A 16 kHz mono file of 16 bits is read as x over 32768, bit for bit`() throws {
        let folder = try TestFolder()
        let stored: [Int16] = (0..<70_000).map { Int16(truncatingIfNeeded: $0 &* 7919 &- 32_768) }
        for (name, format) in [
            ("a.wav", AudioFixture.Format.wav16), ("a.flac", .flac16), ("a.aiff", .aiff16), ("a.au", .au16),
        ] {
            try AudioFixture.write16(stored, rate: 16_000, as: format, to: folder.file(name))
            let reader = try AudioFileReader(path: folder.file(name))
            #expect(
                reader.sampleRateHz == 16_000 && reader.channels == 1 && reader.frames == 70_000, "\(name)")
            #expect(reader.durationSeconds == 4.375)
            let samples = try AudioFixture.readAll(reader)
            #expect(samples == stored.map { Float($0) / 32_768 }, "\(name)")
            #expect(!reader.isTruncated, "\(name)")
        }
    }

    @Test func `A 16 kHz mono file of floats is read bit for bit, also beyond full scale`() throws {
        let folder = try TestFolder()
        let stored: [Float] =
            [0, -0.0, 1, -1, 3.5, -1e9, 1e-37, .leastNonzeroMagnitude] + AudioFixture.noise(9_000)
        try AudioFixture.write(stored, rate: 16_000, as: .wavFloat, to: folder.file("f.wav"))
        let samples = try AudioFixture.readAll(path: folder.file("f.wav"))
        #expect(samples.map(\.bitPattern) == stored.map(\.bitPattern))
    }

    @Test(arguments: [1, 2, 3, 6, 64])
    func `Channels become their mean`(channels: Int) throws {
        let folder = try TestFolder()
        let frames = 5_000
        let stored = AudioFixture.noise(frames * channels)
        try AudioFixture.write(
            stored, rate: 16_000, channels: channels, as: .wavFloat, to: folder.file("c.wav"))
        let samples = try AudioFixture.readAll(path: folder.file("c.wav"), block: 777)
        #expect(samples.count == frames)
        var worst: Float = 0
        for (frame, sample) in samples.enumerated() {
            let mean = stored[frame * channels..<(frame + 1) * channels].reduce(0.0) { $0 + Double($1) }
            worst = max(worst, abs(sample - Float(mean / Double(channels))))
        }
        #expect(worst < 1e-6)
    }

    @Test(arguments: [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
    func `A tone stays itself at any rate, and what is above 8 kHz is gone`(rate: Int) throws {
        let folder = try TestFolder()
        let frames = rate * 2 + 123
        var stored = AudioFixture.sine(1_000, rate: rate, frames: frames, channels: 2)
        if rate > 22_000 {
            let above = AudioFixture.sine(10_000, rate: rate, frames: frames, channels: 2)
            for index in stored.indices { stored[index] += above[index] * 0.5 }
        }
        try AudioFixture.write(stored, rate: rate, channels: 2, as: .wavFloat, to: folder.file("t.wav"))
        let reader = try AudioFileReader(path: folder.file("t.wav"))
        #expect(reader.frames == Int64(frames))
        let samples = try AudioFixture.readAll(reader, block: 320)
        #expect(samples.count == Int((Double(frames) * 16_000 / Double(rate)).rounded()))
        // Away from both ends, where the filter reaches into the silence outside, it is the same sine, sample
        // by sample.
        var worst: Float = 0
        for index in 1_000..<samples.count - 1_000 {
            let exact = 0.5 * Float(sin(2 * Double.pi * 1_000 * Double(index) / 16_000))
            worst = max(worst, abs(samples[index] - exact))
        }
        #expect(worst < 1e-4, "worst error \(worst)")
        #expect(AudioFixture.amplitude(of: 6_000, in: samples[1_000..<samples.count - 1_000]) < 1e-4)
    }

    @Test func `Resampled audio has the rounded length, whatever the block size`() throws {
        let folder = try TestFolder()
        for (rate, frames) in [
            (44_100, 1), (44_100, 2), (44_100, 441), (44_100, 44_101), (48_000, 7), (48_000, 1), (48_000, 2),
            (1_000, 5), (768_000, 100_001), (8_000, 3), (12_345, 54_321), (22_050, 4_096), (22_050, 8_192),
        ] {
            let path = folder.file("l.wav")
            try AudioFixture.write(AudioFixture.noise(frames), rate: rate, as: .wavFloat, to: path)
            let wanted = Int((Double(frames) * 16_000 / Double(rate)).rounded())
            let samples = try AudioFixture.readAll(path: path, block: 4_096)
            #expect(samples.count == wanted, "\(frames) frames at \(rate) Hz")
            #expect(try AudioFixture.readAll(path: path, block: 13) == samples)
        }
    }

    @Test(arguments: ["ogg", "opus", "mp3"])
    func `A compressed file has its tone in the right place and its full length`(kind: String) throws {
        let folder = try TestFolder()
        let (format, rate): (AudioFixture.Format, Int) =
            switch kind {
            case "ogg": (.vorbis, 44_100)
            case "opus": (.opus, 48_000)
            default: (.mp3, 44_100)
            }
        let path = folder.file("tone.\(kind)")
        let stored = AudioFixture.sine(440, rate: rate, frames: rate * 3, channels: 2)
        try AudioFixture.write(stored, rate: rate, channels: 2, as: format, to: path)
        let reader = try AudioFileReader(path: path)
        let samples = try AudioFixture.readAll(reader)
        #expect(abs(samples.count - 48_000) < 2_400, "\(samples.count) samples")
        #expect(abs(AudioFixture.amplitude(of: 440, in: samples[8_000..<40_000]) - 0.5) < 0.02)
        #expect(!reader.isTruncated)
    }

    @Test func `An MP3 of variable bit rate without a stated length is read to its end`() throws {
        let folder = try TestFolder()
        // Noise first: its frames are large, so an estimate from them would be far too short.
        let loud = AudioFixture.noise(44_100 * 2)
        let silence = [Float](repeating: 0, count: 44_100 * 8)
        let path = folder.file("vbr.mp3")
        try AudioFixture.write(loud + silence, rate: 44_100, as: .mp3, to: path, variableBitRate: true)
        var bytes = try TestFolder.bytes(of: path)
        if bytes.starts(with: "ID3".utf8) {
            let size = bytes[6..<10].reduce(0) { $0 << 7 | Int($1) }
            bytes.removeFirst(10 + size)
        }
        // The first frame contains the length instead of audio; the next one starts with the same sync word.
        let sync = Array(bytes[..<2])
        let tag = try #require(bytes.indices.first { bytes[$0...].starts(with: "Xing".utf8) })
        let next = try #require(bytes.indices.first { $0 > tag && Array(bytes[$0..<$0 + 2]) == sync })
        try folder.write(Array(bytes[next...]), to: "bare.mp3")
        let reader = try AudioFileReader(path: folder.file("bare.mp3"))
        let samples = try AudioFixture.readAll(reader)
        #expect(abs(Double(samples.count) / 16_000 - 10) < 0.2, "\(samples.count) samples")
        #expect(!reader.isTruncated)
    }

    @Test func `A file is read through a descriptor without moving its offset, and twice at once`() throws {
        let folder = try TestFolder()
        let stored = AudioFixture.noise(20_000)
        let path = folder.file("d.wav")
        try AudioFixture.write(stored, rate: 16_000, as: .wavFloat, to: path)
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        #expect(lseek(descriptor, 1_234, SEEK_SET) == 1_234)
        let first = try AudioFileReader(descriptor: descriptor, name: "first", spoolsPipes: false)
        let second = try AudioFileReader(descriptor: descriptor, name: "second")
        #expect(try AudioFixture.readAll(first) == stored)
        #expect(try AudioFixture.readAll(second) == stored)
        #expect(lseek(descriptor, 0, SEEK_CUR) == 1_234)
    }

    @Test func `A pipe is read to its end, also in a format that needs seeking`() throws {
        let folder = try TestFolder()
        let path = folder.file("p.ogg")
        try AudioFixture.write(
            AudioFixture.sine(440, rate: 44_100, frames: 88_200), rate: 44_100, as: .vorbis, to: path)
        let bytes = try TestFolder.bytes(of: path)
        let pipe = try TestPipe()
        let writer = TestThread { pipe.writeAndClose(bytes) }
        let samples = try AudioFixture.readAll(AudioFileReader(descriptor: pipe.readEnd, name: "-"))
        writer.join()
        withExtendedLifetime(pipe) {}
        #expect(samples == (try AudioFixture.readAll(path: path)))
        #expect(samples.count == 32_000)
    }

    @Test func `A WAV whose writer could not know its length is not reported as truncated`() throws {
        let folder = try TestFolder()
        let stored = AudioFixture.noise(5_000)
        try AudioFixture.write(stored, rate: 16_000, as: .wavFloat, to: folder.file("w.wav"))
        var bytes = try TestFolder.bytes(of: folder.file("w.wav"))
        let data = try #require(bytes.indices.first { bytes[$0...].starts(with: "data".utf8) })
        bytes.replaceSubrange(data + 4..<data + 8, with: [0xFF, 0xFF, 0xFF, 0xFF])
        bytes.replaceSubrange(4..<8, with: [0xFF, 0xFF, 0xFF, 0xFF])
        try folder.write(bytes, to: "w.wav")
        let reader = try AudioFileReader(path: folder.file("w.wav"))
        #expect(try AudioFixture.readAll(reader) == stored)
        #expect(!reader.isTruncated)
    }
}
