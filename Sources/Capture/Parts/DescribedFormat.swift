/// The format of samples as a chunk of a header describes it.
struct DescribedFormat {
    /// nil when the samples are compressed.
    var format: SampleFormat?
    /// In words, for messages.
    var name: String
    /// Length in frames, in AIFF.
    var frames: Int64?

    /// - Parameters:
    ///   - chunk: `fmt ` (WAV, Wave64), `COMM` (AIFF) or `desc` (CAF).
    ///   - body: At least 16 bytes.
    /// - Throws: `unsupported` when the bytes of a frame do not fit the channels and bits.
    init(chunk: String, _ body: [UInt8], isBigEndian: Bool, name file: String) throws(CaptureError) {
        switch chunk {
        case "COMM": try self.init(aiff: body, file)
        case "desc" where body.count >= 32: try self.init(caf: body, file)
        case "desc": throw .malformed(name: file, detail: "its chunk desc has \(body.count) bytes")
        default: try self.init(wave: body, isBigEndian, file)
        }
    }

    /// WAVEFORMAT: tag, channels, rate, bytes per second, bytes per frame, bits; then, if extensible, the
    /// valid bits, the speakers and the tag as a GUID. Valid bits are the highest of their container.
    private init(wave body: [UInt8], _ isBigEndian: Bool, _ file: String) throws(CaptureError) {
        func field(_ offset: Int) -> Int { Int(FourCC.uint16(body, offset, bigEndian: isBigEndian)) }
        var tag = field(0)
        if tag == 0xFFFE && body.count >= 26 { tag = field(24) }
        let (channels, bits) = (field(2), field(14))
        name = "WAV format \(tag) with \(bits) bits a sample"
        let encodings: [SampleFormat.Encoding] =
            switch tag {
            case 1: [.unsigned8, .signed16, .signed24, .signed32]
            case 3: [.float32, .float64]
            case 6: [.aLaw]
            case 7: [.muLaw]
            default: []
            }
        if encodings.isEmpty { return }
        let rate = Int(FourCC.uint32(body, 4, bigEndian: isBigEndian))
        let encoding = try Self.encoding(
            of: encodings, bits: bits, frameBytes: field(12), channels: channels, file)
        format = SampleFormat(
            encoding: encoding, channels: channels, sampleRateHz: rate, isBigEndian: isBigEndian)
    }

    /// COMM: channels, frames, bits, rate (80-bit float); in AIFF-C also the encoding.
    private init(aiff body: [UInt8], _ file: String) throws(CaptureError) {
        guard body.count >= 18 else {
            throw .malformed(name: file, detail: "its chunk COMM has \(body.count) bytes")
        }
        let channels = Int(FourCC.uint16(body, 0, bigEndian: true))
        let bits = Int(FourCC.uint16(body, 6, bigEndian: true))
        let kind = body.count >= 22 ? FourCC.text(body, 18) : "NONE"
        frames = Int64(FourCC.uint32(body, 2, bigEndian: true))
        name = "AIFF encoding \(kind) with \(bits) bits a sample"
        let integers: [SampleFormat.Encoding] = [.signed8, .signed16, .signed24, .signed32]
        let encoding: SampleFormat.Encoding? =
            switch kind {
            case "NONE", "twos", "sowt": integers.first { $0.bytes == (bits + 7) / 8 }
            case "raw ": .unsigned8
            case "in24": .signed24
            case "in32": .signed32
            case "fl32", "FL32": .float32
            case "fl64", "FL64": .float64
            case "alaw", "ALAW": .aLaw
            case "ulaw", "ULAW": .muLaw
            default: nil
            }
        // The rate is a whole number in all practice: sign and exponent, then 64 bits of mantissa.
        let exponent = Int(FourCC.uint16(body, 8, bigEndian: true)) - 16383
        let mantissa = FourCC.uint64(body, 10, bigEndian: true)
        let rate = (0...31).contains(exponent) ? Int(mantissa >> UInt64(63 - exponent)) : 0
        format = encoding.map {
            SampleFormat(
                encoding: $0, channels: channels, sampleRateHz: rate, isBigEndian: kind != "sowt")
        }
    }

    /// desc: rate (float64), encoding, flags (1 float, 2 little-endian), bytes and frames of a packet,
    /// channels, bits.
    private init(caf body: [UInt8], _ file: String) throws(CaptureError) {
        func field(_ offset: Int) -> Int { Int(FourCC.uint32(body, offset, bigEndian: true)) }
        let rate = Double(bitPattern: FourCC.uint64(body, 0, bigEndian: true))
        let kind = FourCC.text(body, 8)
        let (flags, channels, bits) = (field(12), field(24), field(28))
        name = "CAF encoding \(kind)" + (bits > 0 ? " with \(bits) bits a sample" : "")
        let encodings: [SampleFormat.Encoding] =
            switch kind {
            case "lpcm" where flags & 1 != 0: [.float32, .float64]
            case "lpcm": [.signed8, .signed16, .signed24, .signed32]
            case "alaw": [.aLaw]
            case "ulaw": [.muLaw]
            default: []
            }
        guard !encodings.isEmpty, rate >= 0, rate < 1e9 else { return }
        let encoding = try Self.encoding(
            of: encodings, bits: bits, frameBytes: field(16), channels: channels, file)
        format = SampleFormat(
            encoding: encoding, channels: channels, sampleRateHz: Int(rate), isBigEndian: flags & 2 == 0)
    }

    /// The encoding whose samples have the bytes that a frame has for each channel. A writer may leave the
    /// bytes of a frame 0.
    private static func encoding(
        of encodings: [SampleFormat.Encoding], bits: Int, frameBytes: Int, channels: Int, _ file: String
    ) throws(CaptureError) -> SampleFormat.Encoding {
        let bytes = frameBytes == 0 ? (bits + 7) / 8 * channels : frameBytes
        let isInteger = encodings.contains(.signed16)
        if channels > 0, bytes % channels == 0,
            let encoding = encodings.first(where: { $0.bytes == bytes / channels }),
            isInteger
                ? (1...encoding.bytes * 8).contains(bits) : encoding.bytes == 1 || bits == encoding.bytes * 8
        {
            return encoding
        }
        // The decoder has the message for no or too many channels.
        if channels < 1 || channels > DecodedFormat.maximumChannels { return encodings[0] }
        throw .unsupported(
            name: file, wanted: "convert it, for example with ffmpeg, to FLAC or WAV",
            found: "frames of \(frameBytes) bytes for \(channels) channels of \(bits) bits")
    }
}
