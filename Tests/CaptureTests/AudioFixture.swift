import CSndfile
import Capture
import Glibc
import TestSupport

/// Writes audio files for tests, and reads them.
enum AudioFixture {
    /// A format of libsndfile.
    struct Format: Sendable {
        var container: Int
        var subtype: Int
        static let wav16 = Format(container: SF_FORMAT_WAV, subtype: SF_FORMAT_PCM_16)
        static let wav24 = Format(container: SF_FORMAT_WAV, subtype: SF_FORMAT_PCM_24)
        static let wavFloat = Format(container: SF_FORMAT_WAV, subtype: SF_FORMAT_FLOAT)
        static let w64 = Format(container: SF_FORMAT_W64, subtype: SF_FORMAT_PCM_16)
        static let rf64 = Format(container: SF_FORMAT_RF64, subtype: SF_FORMAT_PCM_16)
        static let flac16 = Format(container: SF_FORMAT_FLAC, subtype: SF_FORMAT_PCM_16)
        static let aiff16 = Format(container: SF_FORMAT_AIFF, subtype: SF_FORMAT_PCM_16)
        static let au16 = Format(container: SF_FORMAT_AU, subtype: SF_FORMAT_PCM_16)
        static let muLaw = Format(container: SF_FORMAT_AU, subtype: SF_FORMAT_ULAW)
        static let aLaw = Format(container: SF_FORMAT_AU, subtype: SF_FORMAT_ALAW)
        static let caf16 = Format(container: SF_FORMAT_CAF, subtype: SF_FORMAT_PCM_16)
        static let vorbis = Format(container: SF_FORMAT_OGG, subtype: SF_FORMAT_VORBIS)
        static let opus = Format(container: SF_FORMAT_OGG, subtype: SF_FORMAT_OPUS)
        static let mp3 = Format(container: SF_FORMAT_MPEG, subtype: SF_FORMAT_MPEG_LAYER_III)
    }

    /// Writes interleaved floats to a file.
    static func write(
        _ samples: [Float], rate: Int, channels: Int = 1, as format: Format, to path: String,
        variableBitRate: Bool = false
    ) throws {
        var info = SF_INFO()
        info.samplerate = Int32(rate)
        info.channels = Int32(channels)
        info.format = Int32(format.container | format.subtype)
        guard let handle = sf_open(path, Int32(SFM_WRITE), &info) else {
            throw TestFailure("libsndfile cannot write \(path): \(String(cString: sf_strerror(nil)))")
        }
        defer { sf_close(handle) }
        if variableBitRate {
            var mode = Int32(SF_BITRATE_MODE_VARIABLE)
            sf_command(handle, Int32(SFC_SET_BITRATE_MODE), &mode, Int32(MemoryLayout<Int32>.size))
        }
        let frames = Int64(samples.count / channels)
        guard sf_writef_float(handle, samples, frames) == frames else {
            throw TestFailure("libsndfile wrote too little to \(path)")
        }
    }

    /// Writes 16-bit samples to a WAV or other file, unscaled.
    static func write16(_ samples: [Int16], rate: Int, as format: Format, to path: String) throws {
        var info = SF_INFO()
        info.samplerate = Int32(rate)
        info.channels = 1
        info.format = Int32(format.container | format.subtype)
        guard let handle = sf_open(path, Int32(SFM_WRITE), &info) else {
            throw TestFailure("libsndfile cannot write \(path): \(String(cString: sf_strerror(nil)))")
        }
        defer { sf_close(handle) }
        guard sf_writef_short(handle, samples, Int64(samples.count)) == samples.count else {
            throw TestFailure("libsndfile wrote too little to \(path)")
        }
    }

    /// A sine, the same in every channel.
    static func sine(_ hertz: Double, rate: Int, frames: Int, channels: Int = 1, peak: Float = 0.5) -> [Float]
    {
        (0..<frames).flatMap { frame in
            let value = peak * Float(sin(2 * Double.pi * hertz * Double(frame) / Double(rate)))
            return [Float](repeating: value, count: channels)
        }
    }

    /// Seeded noise within ±0.5.
    static func noise(_ count: Int, seed: UInt64 = 1) -> [Float] {
        var random = SeededGenerator(seed: seed)
        return random.floats(count, in: -0.5...0.5)
    }

    /// All samples of a reader, read in blocks of a given size.
    static func readAll(_ reader: AudioFileReader, block: Int = 1000) throws -> [Float] {
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: block)
        defer { buffer.deallocate() }
        var samples: [Float] = []
        while true {
            let count = try reader.read(into: buffer)
            if count == 0 { return samples }
            samples += buffer[..<count]
        }
    }

    /// All samples of a file.
    static func readAll(path: String, block: Int = 1000) throws -> [Float] {
        try readAll(AudioFileReader(path: path), block: block)
    }

    /// Amplitude of one frequency in 16 kHz samples.
    static func amplitude(of hertz: Double, in samples: some Collection<Float>) -> Double {
        var (cosine, sine) = (0.0, 0.0)
        for (index, value) in samples.enumerated() {
            let angle = 2 * Double.pi * hertz * Double(index) / 16_000
            cosine += Double(value) * cos(angle)
            sine += Double(value) * Glibc.sin(angle)
        }
        return 2 * (cosine * cosine + sine * sine).squareRoot() / Double(samples.count)
    }
}
