/// The header of a file or stream of samples: WAV (RIFF, RIFX, RF64, BW64), Wave64, AIFF, AU or CAF.
///
/// It is read forwards only, so a pipe can be read, too. Specifications: Microsoft's RIFF and
/// WAVEFORMATEXTENSIBLE, EBU Tech 3306 (RF64), Sony Wave64, Apple's AIFF-C and CAF, Sun's audio(5).
struct SampleHeader: Equatable {
    /// nil when the samples are compressed.
    var format: SampleFormat?
    /// The encoding in words, for messages.
    var encodingName: String
    /// Length of the samples in bytes as the header states it.
    var statedBytes: Int64
    /// What comes behind the samples.
    var chunks: ChunkLayout?

    /// The stated length; nil when its writer could not know it, and left 0 or a very large number.
    var knownBytes: Int64? { isPlaceholder ? nil : statedBytes }

    /// Whether the stated length is one that writers leave which cannot seek back, or lost power.
    var isPlaceholder: Bool {
        let margin: Int64 = 0x1000  // for the header, which some writers subtract
        if chunks?.sizeBytes == 8 { return statedBytes <= 0 || statedBytes >= Int64.max / 4 }
        return statedBytes <= 0 || statedBytes >= (1 << 32) - margin
            || (((1 << 31) - margin)...((1 << 31) + margin)).contains(statedBytes)
    }

    /// Reads a header up to the first sample.
    ///
    /// - Returns: nil when the bytes do not begin as one of these containers.
    /// - Throws: `malformed` when the header is incomplete, `unsupported` when its fields contradict each
    ///   other.
    static func read(_ bytes: AudioBytes, name: String) throws(CaptureError) -> SampleHeader? {
        let magic = bytes.read(count: 4)
        switch FourCC.text(magic, 0) {
        case "RIFF", "RF64", "BW64", "RIFX":
            let isBigEndian = FourCC.text(magic, 0) == "RIFX"
            guard FourCC.text(bytes.read(count: 8), 4) == "WAVE" else { return nil }
            return try chunked(ChunkLayout(isBigEndian: isBigEndian), bytes, name)
        case "FORM":
            let kind = FourCC.text(bytes.read(count: 8), 4)
            guard kind == "AIFF" || kind == "AIFC" else { return nil }
            return try chunked(ChunkLayout(isBigEndian: true), bytes, name)
        case "riff":
            guard bytes.read(count: 8).elementsEqual(Self.w64Identifier) else { return nil }
            guard FourCC.text(bytes.read(count: 28), 12) == "wave" else {
                throw .malformed(name: name, detail: "it is a Wave64 file without sound")
            }
            return try chunked(ChunkLayout(idBytes: 16, sizeBytes: 8, sizeIncludesHead: true), bytes, name)
        case "caff":
            guard bytes.read(count: 4).count == 4 else { return nil }
            return try chunked(ChunkLayout(sizeBytes: 8, isBigEndian: true), bytes, name)
        case ".snd", "dns.":
            return try sun(bytes, isBigEndian: magic[0] == UInt8(ascii: "."), name)
        default: return nil
        }
    }

    /// Bytes 4 to 11 of Wave64's first identifier.
    private static let w64Identifier: [UInt8] = [0x2E, 0x91, 0xCF, 0x11, 0xA5, 0xD6, 0x28, 0xDB]

    /// A malicious file may consist of empty chunks.
    static let maximumChunks = 10_000

    private static func chunked(
        _ layout: ChunkLayout, _ bytes: AudioBytes, _ name: String
    ) throws(CaptureError) -> SampleHeader {
        var format: DescribedFormat?
        var longBytes: Int64?
        for _ in 0..<maximumChunks {
            guard let (id, size) = layout.head(bytes.read(count: layout.headBytes)) else { break }
            switch id {
            case "ds64":
                let body = bytes.read(count: Int(clamping: min(size, 1024)))
                guard body.count >= 16 else { break }
                longBytes = Int64(clamping: FourCC.uint64(body, 8, bigEndian: false))
                try skip(size - Int64(body.count) + size % 2, bytes, name)
            case "fmt ", "COMM", "desc":
                guard (16...4096).contains(size) else {
                    throw .malformed(name: name, detail: "its chunk \(id) has \(size) bytes")
                }
                let body = bytes.read(count: Int(size))
                guard body.count == Int(size) else { throw incomplete(name) }
                format = try DescribedFormat(chunk: id, body, isBigEndian: layout.isBigEndian, name: name)
                try skip(layout.padding(of: size), bytes, name)
            case "data", "SSND":
                guard let format else {
                    throw .malformed(name: name, detail: "its header has no format before the samples")
                }
                var stated = size
                if layout.sizeBytes == 4, !layout.isBigEndian, size == 0xFFFF_FFFF, let longBytes {
                    stated = longBytes
                } else if id == "SSND" {
                    stated = try skipAIFFOffset(size, format, bytes, name)
                } else if layout.sizeBytes == 8 && !layout.sizeIncludesHead {
                    _ = bytes.read(count: 4)  // CAF's number of edits
                    stated = size < 4 ? 0 : size - 4
                }
                var chunks = layout
                if longBytes != nil { chunks.hasLongData = true }
                return SampleHeader(
                    format: format.format, encodingName: format.name, statedBytes: stated, chunks: chunks)
            default:
                try skip(size + layout.padding(of: size), bytes, name)
            }
        }
        throw incomplete(name)
    }

    /// AIFF's samples begin behind an offset; a lost length is in the format chunk, too.
    private static func skipAIFFOffset(
        _ size: Int64, _ format: DescribedFormat, _ bytes: AudioBytes, _ name: String
    ) throws(CaptureError) -> Int64 {
        let head = bytes.read(count: 8)
        guard head.count == 8 else { throw incomplete(name) }
        let offset = Int64(FourCC.uint32(head, 0, bigEndian: true))
        try skip(offset, bytes, name)
        if size <= 8 || size >= 0xFFFF_F000 {
            return (format.frames ?? 0) * Int64(format.format?.bytesPerFrame ?? 0)
        }
        return max(0, size - 8 - offset)
    }

    private static func sun(
        _ bytes: AudioBytes, isBigEndian: Bool, _ name: String
    ) throws(CaptureError) -> SampleHeader {
        let head = bytes.read(count: 20)
        guard head.count == 20 else { throw incomplete(name) }
        func field(_ index: Int) -> UInt32 { FourCC.uint32(head, index * 4, bigEndian: isBigEndian) }
        try skip(Int64(field(0)) - 24, bytes, name)
        let encoding: SampleFormat.Encoding? =
            switch field(2) {
            case 1: .muLaw
            case 2: .signed8
            case 3: .signed16
            case 4: .signed24
            case 5: .signed32
            case 6: .float32
            case 7: .float64
            case 27: .aLaw
            default: nil
            }
        let format = encoding.map {
            SampleFormat(
                encoding: $0, channels: Int(field(4)), sampleRateHz: Int(field(3)), isBigEndian: isBigEndian)
        }
        return SampleHeader(
            format: format, encodingName: "AU encoding \(field(2))", statedBytes: Int64(field(1)))
    }

    private static func incomplete(_ name: String) -> CaptureError {
        .malformed(name: name, detail: "its header ends before the first sample")
    }

    private static func skip(_ count: Int64, _ bytes: AudioBytes, _ name: String) throws(CaptureError) {
        if count > 0 && !bytes.skip(count) { throw incomplete(name) }
    }
}

/// How a container writes its chunks.
struct ChunkLayout: Equatable {
    var idBytes = 4
    var sizeBytes = 4
    var isBigEndian = false
    /// Wave64: sizes include the chunk's head.
    var sizeIncludesHead = false
    /// RF64: the length of the samples has 64 bits.
    var hasLongData = false

    var headBytes: Int { idBytes + sizeBytes }

    /// Chunks without sound that may be behind the samples; such a chunk may be cut off.
    static let known: Set<String> = [
        "LIST", "list", "id3 ", "ID3 ", "bext", "cue ", "smpl", "fact", "JUNK", "junk", "PAD ", "FLLR",
        "iXML",
        "PEAK", "_PMX", "axml", "chna", "inst", "acid", "COMT", "MARK", "NAME", "ANNO", "AUTH", "APPL",
        "info",
        "free", "uuid", "LGWV", "afsp",
    ]

    /// The first four bytes of a chunk's name, and the size of its body; nil when the head is incomplete.
    func head(_ bytes: [UInt8]) -> (id: String, size: Int64)? {
        guard bytes.count == headBytes else { return nil }
        if sizeBytes == 4 {
            return (FourCC.text(bytes, 0), Int64(FourCC.uint32(bytes, idBytes, bigEndian: isBigEndian)))
        }
        let size = Int64(clamping: FourCC.uint64(bytes, idBytes, bigEndian: isBigEndian))
        return (FourCC.text(bytes, 0), sizeIncludesHead ? max(0, size - Int64(headBytes)) : size)
    }

    /// Whether a chunk behind the samples may be skipped: its name is printable, and it has no more samples.
    static func isSkippable(_ id: String) -> Bool {
        id != "data" && id != "SSND" && id.utf8.allSatisfy { (0x20..<0x7F).contains($0) }
    }

    /// Bytes between a body of this size and the next chunk.
    func padding(of size: Int64) -> Int64 {
        if sizeIncludesHead { return (8 - size % 8) % 8 }
        return sizeBytes == 4 ? size % 2 : 0
    }
}

/// Numbers and names in byte arrays.
enum FourCC {
    /// Four bytes as text; empty beyond the end.
    static func text(_ bytes: [UInt8], _ offset: Int) -> String {
        guard offset + 4 <= bytes.count else { return "" }
        return String(decoding: bytes[offset..<offset + 4], as: UTF8.self)
    }

    static func uint16(_ bytes: [UInt8], _ offset: Int, bigEndian: Bool) -> UInt16 {
        let value = UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
        return bigEndian ? value.byteSwapped : value
    }

    static func uint32(_ bytes: [UInt8], _ offset: Int, bigEndian: Bool) -> UInt32 {
        let low = UInt32(uint16(bytes, offset, bigEndian: false))
        let value = low | UInt32(uint16(bytes, offset + 2, bigEndian: false)) << 16
        return bigEndian ? value.byteSwapped : value
    }

    static func uint64(_ bytes: [UInt8], _ offset: Int, bigEndian: Bool) -> UInt64 {
        let low = UInt64(uint32(bytes, offset, bigEndian: false))
        let value = low | UInt64(uint32(bytes, offset + 4, bigEndian: false)) << 32
        return bigEndian ? value.byteSwapped : value
    }
}
