/// Containers that were joined end to end (`cat a.wma b.wma`), of which ffmpeg decodes the first and says
/// nothing about the others.
enum JoinedFiles {
    static func damage(at offset: Int64) -> String {
        "another file begins at byte \(offset), and its sound is not read"
    }

    /// A malicious file may consist of empty objects.
    private static let maximumObjects = 1 << 16

    private static let asfHeader: [UInt8] = [
        0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11, 0xA6, 0xD9, 0x00, 0xAA, 0x00, 0x62, 0xCE, 0x6C,
    ]

    /// Where a second file begins in ASF: objects of an identifier and a length.
    static func secondASF(_ bytes: FileAudioBytes) -> Int64? {
        var at: Int64 = 0
        for _ in 0..<maximumObjects where at < bytes.length {
            let head = bytes.read(at: at, count: 24)
            guard head.count == 24 else { return nil }
            if at > 0 && head.starts(with: asfHeader) { return at }
            let size = Int64(clamping: FourCC.uint64(head, 16, bigEndian: false))
            guard size >= 24, size <= bytes.length - at else { return nil }
            at += size
        }
        return nil
    }

    /// Where a second file begins in Flash Video, if the first states its length.
    static func secondFlashVideo(_ bytes: FileAudioBytes) -> Int64? {
        guard let end = StatedEnd.of(.flv, bytes), end < bytes.length else { return nil }
        return bytes.read(at: end, count: 4).starts(with: "FLV\u{1}".utf8) ? end : nil
    }

    /// Where a second file begins in True Audio: a header of 22 bytes, the lengths of all frames with a
    /// checksum, and the frames.
    static func secondTrueAudio(_ bytes: FileAudioBytes) -> Int64? {
        let head = bytes.read(at: 0, count: 22)
        guard head.count == 22, head.starts(with: "TTA1".utf8) else { return nil }
        let samples = Int64(FourCC.uint32(head, 14, bigEndian: false))
        let frameSamples = Int64(FourCC.uint32(head, 10, bigEndian: false)) * 256 / 245
        guard frameSamples > 0 else { return nil }
        let frames = (samples + frameSamples - 1) / frameSamples
        guard frames * 4 < bytes.length, frames < 1 << 22 else { return nil }
        let table = bytes.read(at: 22, count: Int(frames) * 4)
        guard table.count == Int(frames) * 4 else { return nil }
        var at = 22 + frames * 4 + 4
        for frame in 0..<Int(frames) { at += Int64(FourCC.uint32(table, frame * 4, bigEndian: false)) }
        // The first file's tags, with a picture at most, are between the two.
        let rest = bytes.read(at: at, count: 1 << 20)
        return rest.firstRange(of: head.prefix(6)).map { at + Int64($0.lowerBound) }
    }
}
