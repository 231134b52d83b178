import Capture
import TestSupport
import Testing

/// The channels of a file: their mean, or one of them.
@Suite struct ChannelTests {
    private static func channel(_ seed: UInt64, _ count: Int = 16_000, peak: Float = 0.3) -> [Int16] {
        var random = SeededGenerator(seed: seed)
        return random.floats(count, in: -peak...peak).map { Int16($0 * 32767) }
    }

    private static func floats(_ samples: [Int16]) -> [Float] { samples.map { Float($0) / 32768 } }

    private static func warning(_ channels: [[Int16]], selecting number: Int? = nil) throws -> String? {
        let folder = try TestFolder()
        let reader = try AudioFileReader(path: folder.write(wavFile(channels), to: "clip.wav"))
        if let number { try reader.select(channel: number) }
        _ = try AudioFixture.readAll(reader)
        return reader.mixWarning
    }

    @Test func `A selected channel is read bit for bit`() throws {
        let folder = try TestFolder()
        let channels = (1...3).map { Self.channel(UInt64($0), 9_000) }
        let path = try folder.write(wavFile(channels), to: "three.wav")
        for number in 1...3 {
            let reader = try AudioFileReader(path: path)
            #expect(reader.channels == 3)
            try reader.select(channel: number)
            #expect(try AudioFixture.readAll(reader) == Self.floats(channels[number - 1]))
        }
        let mean = (0..<9_000).map { frame in
            (Self.floats(channels[0])[frame] + Self.floats(channels[1])[frame]
                + Self.floats(channels[2])[frame]) / 3
        }
        #expect(try AudioFixture.readAll(path: path) == mean)
    }

    @Test(arguments: [0, 3, 64, -1])
    func `A channel that the file does not have is an error that says how many it has`(number: Int) throws {
        let folder = try TestFolder()
        let path = try folder.write(wavFile([[1], [2]].map { $0 + Self.channel(1) }), to: "two.wav")
        let reader = try AudioFileReader(path: path)
        let wanted = CaptureError.noSuchChannel(name: path, wanted: number, available: 2)
        #expect(throws: wanted) { try reader.select(channel: number) }
        #expect(wanted.code == "no_such_channel")
        #expect(
            wanted.description
                == "\(path) has 2 channels, not \(number): choose a channel from 1 to 2, or mix")
        #expect(
            CaptureError.noSuchChannel(name: "a.wav", wanted: 2, available: 1).description
                == "a.wav has 1 channel, not 2: choose channel 1, or mix")
    }

    @Test func `A file is read once more from its start, also when it came through a pipe`() throws {
        let pipe = try TestPipe()
        let channels = [Self.channel(1, 500), Self.channel(2, 500)]
        let bytes = wavFile(channels)
        pipe.writeAndClose(bytes)
        let first = try AudioFileReader(descriptor: pipe.readEnd, name: "-")
        try first.select(channel: 1)
        var some = [Float](repeating: 0, count: 100)
        _ = try some.withUnsafeMutableBufferPointer { try first.read(into: $0) }
        let second = try first.reopened()
        try second.select(channel: 2)
        #expect(try AudioFixture.readAll(second) == Self.floats(channels[1]))
        #expect(try some + AudioFixture.readAll(first) == Self.floats(channels[0]))
        withExtendedLifetime(pipe) {}
    }

    @Test func `Channels that cancel each other are reported`() throws {
        let sound = Self.channel(1)
        let inverse = sound.map { -$0 }
        let found = try #require(try Self.warning([sound, inverse]))
        #expect(found.contains("the mean of its 2 channels is more than 20 dB quieter"))
        #expect(found.contains("for 1.0 s"))
        #expect(try Self.warning([sound, inverse], selecting: 2) == nil, "a channel was selected")
        // The same sound at first, then reversed for two seconds.
        let change = [Int16](sound + sound + sound)
        let reversed = sound + inverse + inverse
        #expect(try Self.warning([change, reversed]) != nil)
    }

    @Test func `Ordinary stereo, a silent channel, quiet noise and silence are not reported`() throws {
        let sound = Self.channel(1)
        let silence = [Int16](repeating: 0, count: sound.count)
        #expect(try Self.warning([sound]) == nil)
        #expect(try Self.warning([sound, sound]) == nil)
        #expect(try Self.warning([sound, Self.channel(2)]) == nil)
        #expect(try Self.warning([sound, silence]) == nil, "6 dB")
        #expect(try Self.warning([silence, silence]) == nil)
        let noise = Self.channel(3, peak: 2e-4)
        #expect(try Self.warning([noise, noise.map { -$0 }]) == nil, "-79 dBFS")
        // Three blocks of 4096 frames of twelve seconds.
        let long = [Int16]((0..<12).flatMap { _ in sound })
        var other = long
        for frame in 0..<12_288 { other[frame] = -long[frame] }
        #expect(try Self.warning([long, other]) == nil, "less than a second")
    }

    @Test func `One channel of 64 that has sound is reported, because its mean is 36 dB quieter`() throws {
        let silence = [Int16](repeating: 0, count: 16_000)
        let channels = [Self.channel(1)] + Array(repeating: silence, count: 63)
        #expect(try Self.warning(channels) != nil)
    }
}
