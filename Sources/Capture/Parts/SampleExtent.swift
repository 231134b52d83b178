/// Where the samples of an old or rare container lie.
///
/// libsndfile reads these to the end of the file, whatever their header says, so a file that is cut off looks
/// whole to it. Specifications: Creative's VOC, NIST SPHERE, Audio Visual Research, EA IFF 8SVX, Psion WVE,
/// FastTracker's XI, MIDI Sample Dump, MAT-file levels 4 and 5. IRCAM, PARIS and PVF state no length: only a
/// cut within a frame can be seen.
struct SampleExtent {
    /// Offset of the first sample from the start of the header.
    var first: Int64
    /// Offset behind the last sample; nil when the header does not say.
    var end: Int64?
    /// A file without a stated length consists of whole frames of so many bytes; nil when that is unknown.
    var frameBytes: Int64?
    /// How the chunks behind the samples are written.
    var chunks: ChunkLayout?
    /// Whether libsndfile makes up the samples that are missing.
    var isFilled = false

    private static let headBytes = 1024
    /// A malicious file may consist of empty blocks.
    private static let mostBlocks = 100_000

    /// Whether such a container surely begins with these twelve bytes.
    static func begins(_ head: [UInt8]) -> Bool {
        switch FourCC.text(head, 0) {
        case "FORM": ["8SVX", "16SV"].contains(FourCC.text(head, 8))
        case "2BIT": true
        default: head.starts(with: "Creative Voi".utf8) || head.starts(with: "NIST_1A\n".utf8)
        }
    }

    /// - Returns: nil when no such container begins at the offset, or when it says nothing about its end.
    init?(at start: Int64, in file: FileAudioBytes) {
        let head = file.read(at: start, count: Self.headBytes)
        guard head.count >= 42 else { return nil }
        let found: SampleExtent? =
            switch FourCC.text(head, 0) {
            case "Crea": Self.voc(head, start, file)
            case "NIST": Self.sphere(head, available: file.length - start)
            case "2BIT": Self.avr(head)
            case "FORM": Self.iff(start, file)
            case "ALaw": Self.bytes(32, Int64(FourCC.uint32(head, 18, bigEndian: true)))
            case "Exte" where head.count >= 338:
                Self.bytes(338, Int64(FourCC.uint32(head, 298, bigEndian: false)))
            case "MATL": Self.mat5(head, start, file)
            case "PVF1": Self.pvf(head)
            case " paf", "fap ": Self.paris(head)
            default: Self.binary(head, start, file)
            }
        guard let found, found.end.map({ $0 > found.first }) ?? (found.frameBytes ?? 0 > 0) else {
            return nil
        }
        self = found
    }

    private init(first: Int64, end: Int64? = nil, frameBytes: Int64? = nil) {
        self.first = first
        self.end = end
        self.frameBytes = frameBytes
    }

    private static func bytes(_ first: Int64, _ count: Int64) -> Self {
        Self(first: first, end: first + count)
    }

    /// Headers that begin with numbers.
    private static func binary(_ head: [UInt8], _ start: Int64, _ file: FileAudioBytes) -> Self? {
        switch Array(head.prefix(4)) {
        case [0, 0, 0, 0], [0, 0, 3, 0xE8]: mat4(head, start, file)
        default:
            if head.starts(with: [0xF0, 0x7E]) && head[3] == 1 {
                sampleDump(head)
            } else if head.starts(with: [0x64, 0xA3]) || head[2] == 0xA3 && head[3] == 0x64 {
                ircam(head)
            } else if head.starts(with: [1, 4]) {
                // An MPC 2000: 42 bytes, frames, and whether it is stereo.
                bytes(42, Int64(FourCC.uint32(head, 30, bigEndian: false)) * (head[21] == 0 ? 2 : 4))
            } else {
                nil
            }
        }
    }

    /// Blocks of a type, 24 bits of length and a body, from an offset in the header to one of type 0.
    private static func voc(_ head: [UInt8], _ start: Int64, _ file: FileAudioBytes) -> Self? {
        var at = Int64(FourCC.uint16(head, 20, bigEndian: false))
        var first: Int64?
        for _ in 0..<mostBlocks where start + at < file.length {
            let block = file.read(at: start + at, count: 4)
            guard let type = block.first, type <= 9 else { return nil }
            if type == 0 || block.count < 4 {
                at += type == 0 ? 1 : 4
                break
            }
            let length = block[1...].reversed().reduce(Int64(0)) { sum, byte in sum << 8 | Int64(byte) }
            let isSound = type == 1 || type == 9
            // Its writer could not go back.
            if isSound && length == 0 { return nil }
            if isSound && first == nil { first = at + 4 + (type == 9 ? 12 : 2) }
            at += 4 + length
        }
        return first.map { Self(first: $0, end: at) }
    }

    /// Lines of a name, a type and a value. Compressed samples have another length than stated.
    private static func sphere(_ head: [UInt8], available: Int64) -> Self? {
        var values: [Substring: Substring] = [:]
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\n")
        for line in lines.dropFirst(2) {
            if line == "end_head" { break }
            let words = line.split(separator: " ")
            if words.count >= 3 { values[words[0]] = words[2] }
        }
        guard lines.count > 2, let first = Int64(lines[1].drop { $0 == " " }), first > 0,
            values["sample_coding"]?.contains(",") != true,
            let count = values["sample_count"].flatMap({ Int64($0) }), (1..<(1 << 48)).contains(count),
            let bytes = values["sample_n_bytes"].flatMap({ Int64($0) }), (1...8).contains(bytes),
            let channels = values["channel_count"].flatMap({ Int64($0) }), (1...64).contains(channels)
        else { return nil }
        // Some writers count the samples of all channels.
        let isOfAll = first + count * bytes == available
        return Self.bytes(first, count * bytes * (isOfAll ? 1 : channels))
    }

    private static func avr(_ head: [UInt8]) -> Self {
        let channels: Int64 = FourCC.uint16(head, 12, bigEndian: true) == 0 ? 1 : 2
        let sampleBytes: Int64 = FourCC.uint16(head, 14, bigEndian: true) == 8 ? 1 : 2
        return bytes(128, Int64(FourCC.uint32(head, 26, bigEndian: true)) * channels * sampleBytes)
    }

    private static func iff(_ start: Int64, _ file: FileAudioBytes) -> Self? {
        let layout = ChunkLayout(isBigEndian: true)
        var at: Int64 = 12
        for _ in 0..<SampleHeader.maximumChunks {
            guard let (id, size) = layout.head(file.read(at: start + at, count: 8)) else { return nil }
            if id == "BODY" {
                var extent = bytes(at + 8, size)
                extent.chunks = layout
                return extent
            }
            at += 8 + size + layout.padding(of: size)
        }
        return nil
    }

    /// Packets of 127 bytes, of which 120 hold samples, behind a header of 21; numbers have 7 bits a byte.
    private static func sampleDump(_ head: [UInt8]) -> Self? {
        let bits = Int64(head[6])
        guard (8...28).contains(bits) else { return nil }
        let digits = head[10..<13].reversed()
        let samples = digits.reduce(Int64(0)) { sum, digit in sum << 7 | Int64(digit & 0x7F) }
        let perPacket = 120 / ((bits + 6) / 7)
        var extent = bytes(21, (samples + perPacket - 1) / perPacket * 127)
        extent.isFilled = true
        return extent
    }

    /// Two matrices, the rate and the samples: five numbers, a name, and the elements.
    private static func mat4(_ head: [UInt8], _ start: Int64, _ file: FileAudioBytes) -> Self? {
        guard head[20...].starts(with: "samplerate".utf8) else { return nil }
        let isBigEndian = head[3] != 0
        var (at, first): (Int64, Int64) = (0, 0)
        for _ in 0..<2 {
            let matrix = file.read(at: start + at, count: 20)
            guard matrix.count == 20 else { return nil }
            let numbers = (0..<5).map { Int64(FourCC.uint32(matrix, $0 * 4, bigEndian: isBigEndian)) }
            let sizes: [Int64] = [8, 4, 4, 2, 2, 1]
            let precision = Int(numbers[0] % 100 / 10)
            guard precision < sizes.count, numbers[1] < 1 << 24 else { return nil }
            first = at + 20 + numbers[4]
            at = first + numbers[1] * numbers[2] * sizes[precision]
        }
        return Self(first: first, end: at)
    }

    /// Elements of a type and a length, padded to 8 bytes.
    private static func mat5(_ head: [UInt8], _ start: Int64, _ file: FileAudioBytes) -> Self? {
        guard head.starts(with: "MATLAB 5.0".utf8), head.count > 136 else { return nil }
        let isBigEndian = head[126] == UInt8(ascii: "M")
        var at: Int64 = 128
        var (last, end): (Int64, Int64) = (128, 128)
        for _ in 0..<mostBlocks where start + at < file.length {
            let tag = file.read(at: start + at, count: 8)
            guard tag.count == 8 else { break }
            last = at + 8
            end = last + Int64(FourCC.uint32(tag, 4, bigEndian: isBigEndian))
            at = (end + 7) / 8 * 8
        }
        // libsndfile counts 1 to 8 bytes of padding behind the samples, which it does not write.
        let available = file.length - start
        return Self(first: last, end: end - available <= 8 ? min(end, available) : end)
    }

    // MARK: Without a stated length

    private static func pvf(_ head: [UInt8]) -> Self? {
        let lines = head.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: false)
        guard lines.count == 3 else { return nil }
        let numbers = String(decoding: lines[1], as: UTF8.self).split(separator: " ").compactMap { Int64($0) }
        guard numbers.count == 3, (1...64).contains(numbers[0]), (8...32).contains(numbers[2]) else {
            return nil
        }
        return Self(first: Int64(lines[2].startIndex), frameBytes: numbers[0] * numbers[2] / 8)
    }

    /// The machine in the mark and the byte order agree in no two programs; libsndfile goes by the channels.
    private static func ircam(_ head: [UInt8]) -> Self? {
        let isBigEndian = FourCC.uint32(head, 8, bigEndian: false) > 256
        let channels = Int64(FourCC.uint32(head, 8, bigEndian: isBigEndian))
        let sampleBytes = Int64(FourCC.uint32(head, 12, bigEndian: isBigEndian) & 0xFFFF)
        guard (1...64).contains(channels), (1...8).contains(sampleBytes) else { return nil }
        return Self(first: 1024, frameBytes: channels * sampleBytes)
    }

    /// 16, 24 or 8 bits; ten frames of 24 bits lie in 32 bytes a channel.
    private static func paris(_ head: [UInt8]) -> Self? {
        let isBigEndian = head[0] == UInt8(ascii: " ")
        let format = Int(FourCC.uint32(head, 16, bigEndian: isBigEndian))
        let channels = Int64(FourCC.uint32(head, 20, bigEndian: isBigEndian))
        guard (0..<3).contains(format), (1...64).contains(channels) else { return nil }
        return Self(first: 2048, frameBytes: [2, 32, 1][format] * channels)
    }
}
