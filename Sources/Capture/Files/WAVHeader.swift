/// The header of a WAV stream.
struct WAVHeader: Equatable {
    /// Encoding of a sample.
    enum Encoding: Equatable {
        case unsigned8, signed16, signed24, signed32, float32, float64, aLaw, muLaw
    }

    var encoding: Encoding
    var channels: Int
    var sampleRateHz: Int
    /// Length of the samples in bytes; nil when the writer could not know it (a pipe).
    var dataBytes: Int64?

    /// Writers that cannot seek back leave 0, or the largest number with or without room for the header.
    static func announcedBytes(_ size: UInt32) -> Int64? {
        size == 0 || size >= 0x7FFF_F000 ? nil : Int64(size)
    }

    /// Reads a header up to the first sample.
    ///
    /// - Parameter next: Reads that many bytes, fewer only at the end of the stream. `RIFF....WAVE` has been
    ///   read already.
    /// - Throws: `malformed` when the header is incomplete, `unsupported` for compressed encodings.
    static func read(name: String, next: (Int) -> [UInt8]) throws(CaptureError) -> WAVHeader {
        var format: (Encoding, channels: Int, rate: Int)?
        while true {
            let head = next(8)
            guard head.count == 8 else {
                throw .malformed(name: name, detail: "the WAV header ends before the data chunk")
            }
            let size = LittleEndian.uint32(head, 4)
            switch String(decoding: head.prefix(4), as: UTF8.self) {
            case "data":
                guard let (encoding, channels, rate) = format else {
                    throw .malformed(name: name, detail: "the WAV header has no fmt chunk")
                }
                return WAVHeader(
                    encoding: encoding, channels: channels, sampleRateHz: rate,
                    dataBytes: announcedBytes(size))
            case "fmt ":
                guard (16...1024).contains(size) else {
                    throw .malformed(name: name, detail: "the WAV fmt chunk has \(size) bytes")
                }
                let body = next(Int(size + size % 2))
                guard body.count >= size else {
                    throw .malformed(name: name, detail: "the WAV fmt chunk is truncated")
                }
                format = (
                    try encoding(of: body, name: name),
                    Int(LittleEndian.uint16(body, 2)), Int(LittleEndian.uint32(body, 4))
                )
            default:
                try skip(Int64(size) + Int64(size % 2), name: name, next: next)
            }
        }
    }

    private static func encoding(of format: [UInt8], name: String) throws(CaptureError) -> Encoding {
        var tag = LittleEndian.uint16(format, 0)
        let bits = LittleEndian.uint16(format, 14)
        if tag == 0xFFFE && format.count >= 26 { tag = LittleEndian.uint16(format, 24) }
        switch (tag, bits) {
        case (1, 8): return .unsigned8
        case (1, 16): return .signed16
        case (1, 24): return .signed24
        case (1, 32): return .signed32
        case (3, 32): return .float32
        case (3, 64): return .float64
        case (6, 8): return .aLaw
        case (7, 8): return .muLaw
        default:
            throw .unsupported(
                name: name, wanted: "send PCM or float samples",
                found: "WAV format \(tag) with \(bits) bits a sample")
        }
    }

    /// Skips a chunk that does not describe the samples.
    private static func skip(_ bytes: Int64, name: String, next: (Int) -> [UInt8]) throws(CaptureError) {
        var left = bytes
        while left > 0 {
            let got = next(Int(min(left, 1 << 16))).count
            if got == 0 {
                throw .malformed(name: name, detail: "the WAV header ends before the data chunk")
            }
            left -= Int64(got)
        }
    }
}

/// Numbers in byte arrays.
enum LittleEndian {
    static func uint16(_ bytes: [UInt8], _ offset: Int) -> UInt16 {
        UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
    }

    static func uint32(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        UInt32(uint16(bytes, offset)) | UInt32(uint16(bytes, offset + 2)) << 16
    }

    static func uint64(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
        UInt64(uint32(bytes, offset)) | UInt64(uint32(bytes, offset + 4)) << 32
    }
}
