/// A link of an Ogg file (RFC 3533): the pages of one recording. More may follow behind it, "chained".
struct OggLink {
    var range: Range<Int64>
    /// Whether the file ends within the last page.
    var isCutOff = false
    /// Makes the last page's position so large that the decoder does not stop before the last packet; nil
    /// when that is impossible.
    var patch: (offset: Int64, bytes: [UInt8])?

    private static let headBytes = 27
    private static let firstPage: UInt8 = 2

    /// Follows the pages up to the first page of the next link, to other bytes, or to the end.
    ///
    /// - Returns: nil when no page begins at the offset.
    init?(at start: Int64, in file: FileAudioBytes) {
        var at = start
        var last: Range<Int64>?
        var (dataPages, highest) = (0, Int64(0))
        var isPatchable = false
        while let page = Self.page(at: at, in: file) {
            if page.isFirst && dataPages > 0 { break }
            if at == start {
                let body = file.read(at: at + page.headBytes, count: 8)
                isPatchable =
                    body.dropFirst().starts(with: "vorbis".utf8) || body.elementsEqual("OpusHead".utf8)
            }
            if at + page.bytes > file.length {
                isCutOff = true
                at = file.length
                break
            }
            if !page.isFirst { dataPages += 1 }
            highest = max(highest, page.position)
            last = at..<(at + page.bytes)
            at += page.bytes
        }
        if at == start { return nil }
        range = start..<at
        // Headers have pages of their own, so with three there is one with sound before the last.
        if let last, isPatchable, dataPages > 3, highest < 1 << 48 {
            var bytes = file.read(at: last.lowerBound, count: last.count)
            bytes.replaceSubrange(
                6..<14, with: withUnsafeBytes(of: (highest + 1 << 40).littleEndian, Array.init))
            bytes.replaceSubrange(22..<26, with: [0, 0, 0, 0])
            bytes.replaceSubrange(
                22..<26, with: withUnsafeBytes(of: Self.checksum(bytes).littleEndian, Array.init))
            patch = (last.lowerBound - start, bytes)
        }
    }

    private static func page(
        at offset: Int64, in file: FileAudioBytes
    ) -> (isFirst: Bool, position: Int64, headBytes: Int64, bytes: Int64)? {
        let head = file.read(at: offset, count: headBytes)
        guard head.count == headBytes, head.starts(with: "OggS".utf8) else { return nil }
        let sizes = file.read(at: offset + Int64(headBytes), count: Int(head[26]))
        let position = Int64(bitPattern: FourCC.uint64(head, 6, bigEndian: false))
        let total = headBytes + Int(head[26]) + sizes.reduce(0) { $0 + Int($1) }
        return (head[5] & firstPage != 0, position, Int64(headBytes + sizes.count), Int64(total))
    }

    /// CRC-32 with the polynomial 0x04C11DB7, not reflected.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.reduce(0) { sum, byte in
            var sum = sum ^ UInt32(byte) << 24
            for _ in 0..<8 { sum = sum & 0x8000_0000 != 0 ? sum << 1 ^ 0x04C1_1DB7 : sum << 1 }
            return sum
        }
    }
}
