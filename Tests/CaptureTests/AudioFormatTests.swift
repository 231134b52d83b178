import CSndfile
import Capture
import TestSupport
import Testing

/// All common containers, sample formats, rates and numbers of channels.
@Suite struct AudioFormatTests {
    struct Kind: CustomTestStringConvertible, Sendable {
        var name: String
        var container: Int
        var subtype: Int
        var rate = 48_000
        var channels = 1
        var testDescription: String { "\(name), \(rate) Hz, \(channels) channels" }
    }

    static let kinds: [Kind] = [
        Kind(name: "WAV 8 bit", container: SF_FORMAT_WAV, subtype: SF_FORMAT_PCM_U8),
        Kind(name: "WAV 16 bit", container: SF_FORMAT_WAV, subtype: SF_FORMAT_PCM_16, rate: 8_000),
        Kind(
            name: "WAV 24 bit", container: SF_FORMAT_WAV, subtype: SF_FORMAT_PCM_24, rate: 96_000, channels: 2
        ),
        Kind(name: "WAV 32 bit", container: SF_FORMAT_WAV, subtype: SF_FORMAT_PCM_32, rate: 192_000),
        Kind(
            name: "WAV float", container: SF_FORMAT_WAV, subtype: SF_FORMAT_FLOAT, rate: 11_025, channels: 6),
        Kind(
            name: "WAV double", container: SF_FORMAT_WAV, subtype: SF_FORMAT_DOUBLE, rate: 44_100,
            channels: 32),
        Kind(name: "WAVEX", container: SF_FORMAT_WAVEX, subtype: SF_FORMAT_PCM_24, channels: 8),
        Kind(name: "RF64", container: SF_FORMAT_RF64, subtype: SF_FORMAT_PCM_24, channels: 4),
        Kind(name: "W64", container: SF_FORMAT_W64, subtype: SF_FORMAT_DOUBLE, rate: 88_200),
        Kind(name: "AIFF 8 bit", container: SF_FORMAT_AIFF, subtype: SF_FORMAT_PCM_S8),
        Kind(name: "AIFF 24 bit", container: SF_FORMAT_AIFF, subtype: SF_FORMAT_PCM_24, rate: 22_050),
        Kind(name: "AIFF double", container: SF_FORMAT_AIFF, subtype: SF_FORMAT_DOUBLE),
        Kind(name: "FLAC 8 bit", container: SF_FORMAT_FLAC, subtype: SF_FORMAT_PCM_S8),
        Kind(
            name: "FLAC 24 bit", container: SF_FORMAT_FLAC, subtype: SF_FORMAT_PCM_24, rate: 192_000,
            channels: 8),
        Kind(
            name: "Ogg Vorbis", container: SF_FORMAT_OGG, subtype: SF_FORMAT_VORBIS, rate: 44_100, channels: 2
        ),
        Kind(name: "Opus", container: SF_FORMAT_OGG, subtype: SF_FORMAT_OPUS, channels: 2),
        Kind(
            name: "MP3", container: SF_FORMAT_MPEG, subtype: SF_FORMAT_MPEG_LAYER_III, rate: 44_100,
            channels: 2),
        Kind(name: "CAF", container: SF_FORMAT_CAF, subtype: SF_FORMAT_PCM_32),
        Kind(name: "AU", container: SF_FORMAT_AU, subtype: SF_FORMAT_PCM_16),
    ]

    @Test(arguments: kinds)
    func `A tone is read as that tone, whole and undamaged`(kind: Kind) throws {
        let folder = try TestFolder()
        // The file's contents decide, not its name.
        let path = folder.file("recording.wav")
        try AudioFixture.write(
            AudioFixture.sine(440, rate: kind.rate, frames: kind.rate, channels: kind.channels),
            rate: kind.rate, channels: kind.channels,
            as: .init(container: kind.container, subtype: kind.subtype), to: path)
        let reader = try AudioFileReader(path: path)
        #expect(reader.channels == kind.channels && reader.sampleRateHz == kind.rate)
        let samples = try AudioFixture.readAll(reader)
        // Codecs preserve the length of a second up to one packet at each end.
        #expect(abs(samples.count - 16_000) <= 1600, "\(samples.count) samples")
        #expect(!reader.isTruncated)
        #expect(reader.fractionRead > 0.9 && reader.fractionRead <= 1)
        let middle = samples.dropFirst(4000).prefix(8000)
        #expect(abs(AudioFixture.amplitude(of: 440, in: Array(middle)) - 0.5) < 0.02)
    }
}
