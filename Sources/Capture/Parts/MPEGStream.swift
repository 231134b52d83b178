/// The head of an MPEG audio frame of layer 1, 2 or 3 (ISO 11172-3, 13818-3, and version 2.5).
struct MPEGFrame: Equatable {
    /// The fields that all frames of a stream share: version, layer, rate, and whether it is mono.
    var kind: UInt32
    var bytes: Int64
    var samples: Int
    /// Offset of a Xing or Info tag in the stream's first frame.
    var tagOffset: Int64

    /// - Parameter head: The frame's first four bytes, big-endian.
    /// - Returns: nil when no frame begins like this, or one whose length cannot be known (free format).
    init?(_ head: UInt32) {
        let version = Int(head >> 19 & 3)  // 0: 2.5, 2: 2, 3: 1
        let layer = 4 - Int(head >> 17 & 3)
        let (bitrateIndex, rateIndex) = (Int(head >> 12 & 15), Int(head >> 10 & 3))
        guard head >> 21 == 0x7FF, version != 1, layer < 4, (1...14).contains(bitrateIndex), rateIndex < 3
        else { return nil }
        let rate = [44_100, 48_000, 32_000][rateIndex] >> (version == 3 ? 0 : version == 2 ? 1 : 2)
        let bitrate = Self.kilobits(version, layer)[bitrateIndex - 1] * 1000
        let padding = Int(head >> 9 & 1)
        let isMono = head >> 6 & 3 == 3
        switch layer {
        case 1: (samples, bytes) = (384, Int64((12 * bitrate / rate + padding) * 4))
        case 3 where version != 3: (samples, bytes) = (576, Int64(72 * bitrate / rate + padding))
        default: (samples, bytes) = (1152, Int64(144 * bitrate / rate + padding))
        }
        let sideInfo: Int64 = version == 3 ? (isMono ? 17 : 32) : (isMono ? 9 : 17)
        tagOffset = 4 + sideInfo
        kind = head & 0x1E_0C00 | (isMono ? 1 : 0)
    }

    private static func kilobits(_ version: Int, _ layer: Int) -> [Int] {
        switch (version == 3, layer) {
        case (true, 1): [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448]
        case (true, 2): [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384]
        case (true, _): [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
        case (false, 1): [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256]
        case (false, _): [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
        }
    }
}

/// A run of MPEG frames of one kind in a file, as an encoder wrote it.
struct MPEGStream {
    var range: Range<Int64>
    var samplesPerFrame: Int
    /// Frames with sound: the first has none when it is a tag.
    var frames: Int64
    /// Frames with sound according to the tag.
    var statedFrames: Int64?
    /// Corrects the tag's numbers, which the decoder believes. Offsets are those of the stream.
    var patches: [(offset: Int64, bytes: [UInt8])] = []

    /// Frames in a row that make a stream of bytes that may be anything.
    private static let framesInRow = 3

    /// Whether a stream begins at an offset.
    static func begins(at offset: Int64, in words: FileWords) -> Bool {
        guard let first = words.frame(at: offset) else { return false }
        var at = offset
        for _ in 0..<framesInRow {
            // A stream may be shorter if the file is.
            if at == words.length { return at > offset + first.bytes }
            guard let frame = words.frame(at: at), frame.kind == first.kind else { return false }
            at += frame.bytes
        }
        return true
    }

    /// Offset of the first stream in a range.
    static func find(in range: Range<Int64>, of words: FileWords) -> Int64? {
        var at = range.lowerBound
        while at < range.upperBound {
            guard let next = words.find(0xFF, from: at), next < range.upperBound else { return nil }
            if begins(at: next, in: words) { return next }
            at = next + 1
        }
        return nil
    }

    /// Follows the frames from one to the next: to the end, to the first byte that begins none, or to a
    /// frame of another kind or with a tag, with which another stream begins.
    ///
    /// - Returns: nil when no frame begins at the offset.
    init?(at start: Int64, in words: FileWords) {
        guard let first = words.frame(at: start) else { return nil }
        var at = start
        frames = 0
        while let frame = words.frame(at: at), frame.kind == first.kind {
            if at + frame.bytes > words.length {
                at = words.length  // cut off, as when a recording of a broadcast ends
                break
            }
            if at > start && Self.tag(at, frame, words) != nil { break }
            frames += 1
            at += frame.bytes
        }
        range = start..<at
        samplesPerFrame = first.samples
        readTag(first, words)
    }

    private mutating func readTag(_ first: MPEGFrame, _ words: FileWords) {
        guard let tag = Self.tag(range.lowerBound, first, words) else { return }
        frames = max(0, frames - 1)
        guard let field = tag.framesField, let stated = words.word(at: field) else { return }
        statedFrames = Int64(stated)
        if Int64(stated) == frames { return }
        patches = [(field - range.lowerBound, Self.bytes(frames))]
        if let field = tag.bytesField {
            patches.append((field - range.lowerBound, Self.bytes(Int64(range.count))))
        }
    }

    private static func bytes(_ number: Int64) -> [UInt8] {
        withUnsafeBytes(of: UInt32(clamping: number).bigEndian, Array.init)
    }

    /// The tag of a stream's first frame: LAME's Xing or Info, or Fraunhofer's VBRI. Fields are offsets in
    /// the file.
    private static func tag(
        _ start: Int64, _ frame: MPEGFrame, _ words: FileWords
    ) -> (framesField: Int64?, bytesField: Int64?)? {
        let at = start + frame.tagOffset
        if let word = words.word(at: at), word == 0x5869_6E67 || word == 0x496E_666F,
            let flags = words.word(at: at + 4)
        {
            let hasFrames = flags & 1 != 0
            return (hasFrames ? at + 8 : nil, flags & 2 != 0 ? at + (hasFrames ? 12 : 8) : nil)
        }
        let vbri = start + 36
        return words.word(at: vbri) == 0x5642_5249 ? (vbri + 14, vbri + 10) : nil
    }
}

/// Reads words of a file here and there, a block at a time.
final class FileWords {
    private let bytes: FileAudioBytes
    private var block: [UInt8] = []
    private var start: Int64 = 0
    private static let blockBytes = 1 << 18

    var length: Int64 { bytes.length }

    init(_ bytes: FileAudioBytes) { self.bytes = bytes }

    /// Four bytes, big-endian; nil beyond the end.
    func word(at offset: Int64) -> UInt32? {
        guard let index = index(of: offset, count: 4) else { return nil }
        return block.withUnsafeBytes {
            UInt32(bigEndian: $0.loadUnaligned(fromByteOffset: index, as: UInt32.self))
        }
    }

    /// A byte; nil beyond the end.
    func byte(at offset: Int64) -> UInt8? { index(of: offset, count: 1).map { block[$0] } }

    func frame(at offset: Int64) -> MPEGFrame? { word(at: offset).flatMap(MPEGFrame.init) }

    /// Offset of the first such byte; nil when there is none up to the end.
    func find(_ byte: UInt8, from offset: Int64) -> Int64? {
        var at = offset
        while let index = index(of: at, count: 1) {
            if let found = block[index...].firstIndex(of: byte) { return start + Int64(found) }
            at = start + Int64(block.count)
        }
        return nil
    }

    private func index(of offset: Int64, count: Int) -> Int? {
        if offset < start || offset + Int64(count) > start + Int64(block.count) {
            start = offset
            block = bytes.read(at: offset, count: Self.blockBytes)
        }
        return offset >= 0 && block.count >= count && offset - start <= Int64(block.count - count)
            ? Int(offset - start) : nil
    }
}
