import Foundation
import Glibc
import TestSupport
import Testing
import Wire

/// Clips with the rate and the channels of their source.
@Suite(.timeLimit(.minutes(10))) struct OriginalClipTests {
    private static func noise(_ count: Int) -> [Int16] {
        var random = SeededGenerator(seed: 5)
        return random.floats(count, in: -0.5...0.5).map { Int16($0 * 32_767) }
    }

    @Test(arguments: [(44_100, 2, false), (48_000, 2, true)])
    func `A clip is a bit-for-bit part of what the source has sent`(
        rate: Int, channels: Int, isEach: Bool
    ) async throws {
        let folder = try TestFolder()
        let (pipe, clips) = (folder.file("pipe"), folder.file("clips"))
        #expect(mkfifo(pipe, 0o600) == 0 && mkdir(clips, 0o700) == 0)
        let channel = isEach ? "each" : "mix"
        let config = """
            hop: 0.5
            sources:
              yard:
                source: 'pipe:\(pipe)?rate=\(rate)&channels=\(channels)&format=s16le'
                channel: \(channel)
            detection: {on: 0.01, minimum_hits: 1}
            clips: {directory: \(clips), original: true}
            """
        let daemon = try await RunningDaemon.start(
            ["--config", try folder.write(config, to: "astd.yaml")], in: folder)
        let client = try daemon.listen()
        let frames = Self.noise(3 * rate * channels)
        let raw = try folder.write(frames.withUnsafeBytes { Array($0) }, to: "sound.raw")
        let writer = try ChildProcess(["sh", "-c", "cat \(raw) > \(pipe)"], in: folder)
        #expect(try await writer.exit().code == 0)
        _ = try await client.next("the last windows") {
            $0.prediction.map { $0.endSample > 40_000 } == true ? true : nil
        }
        #expect(try await daemon.astctl("pause").code == 0)
        let names = try await eventually("a clip") {
            let names = try await ChildProcess(["ls", clips], in: folder).exit().lines
            return names.filter { $0.hasSuffix(".wav") }.isEmpty ? nil : names.filter { $0.hasSuffix(".wav") }
        }
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: "\(clips)/\(names[0])")))
        let kept = isEach ? 1 : channels
        #expect(Int(bytes[22]) == kept)
        #expect(Int(bytes[24]) + Int(bytes[25]) << 8 == rate)
        let values = stride(from: 44, to: bytes.count - 1, by: 2).map {
            Int16(truncatingIfNeeded: Int(bytes[$0]) | Int(bytes[$0 + 1]) << 8)
        }
        // Long enough that no other part of the noise is the same.
        #expect(values.count > rate * kept / 2)
        // Each channel has the same event; the clip that was written first may be of either.
        let sent =
            isEach
            ? (0..<2).map { channel in stride(from: channel, to: frames.count, by: 2).map { frames[$0] } }
            : [frames]
        let places = sent.compactMap { sent -> Int? in
            stride(from: 0, through: sent.count - values.count, by: kept).first { place in
                sent[place] == values[0] && sent[place..<place + values.count].elementsEqual(values)
            }
        }
        // It has the length of a window before the window's end, which is 15 ms behind its last frame.
        let place = try #require(places.first)
        let sample = Double(place / kept) * 16_000 / Double(rate) - 240
        let distance = sample - (sample / 8_000).rounded() * 8_000
        #expect(abs(distance) <= 0.5 * 16_000 / Double(rate) + 1e-6, "\(sample)")
    }
}
