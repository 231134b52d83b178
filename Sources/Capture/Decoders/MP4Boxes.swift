/// The outer boxes of MP4, QuickTime and 3GP (ISO 14496-12): whether they are whole. ffmpeg reads a file that
/// ends within its sound like a shorter one where its frames are small.
struct MP4Boxes {
    /// Whether the last box of sound or of its index ends in the file. Other programs' bytes may follow.
    private(set) var areWhole = true
    /// Where a second file begins that was joined to the first; ffmpeg does not read its sound.
    private(set) var secondFile: Int64?

    /// A malicious file may consist of empty boxes. A box of each second is enough for days.
    private static let maximumBoxes = 1 << 20

    init(_ bytes: FileAudioBytes) {
        var (at, indices): (Int64, Int) = (0, 0)
        var areFragments = false
        var lastType: Int64 = 0
        // A stream of fragments may repeat its index.
        defer { if areFragments { secondFile = nil } }
        for _ in 0..<Self.maximumBoxes where at < bytes.length {
            let head = bytes.read(at: at, count: 16)
            guard head.count >= 8 else { return }
            var size = Int64(FourCC.uint32(head, 0, bigEndian: true))
            if size == 1 && head.count == 16 {
                size = Int64(clamping: FourCC.uint64(head, 8, bigEndian: true))
            }
            // 0: the box ends with the file.
            guard size >= 8 else { return }
            let name = FourCC.text(head, 4)
            if size > bytes.length - at {
                areWhole = !["mdat", "moov", "moof"].contains(name)
                return
            }
            if name == "ftyp" { lastType = at }
            if name == "moof" { areFragments = true }
            if name == "moov" {
                indices += 1
                if indices == 2 { secondFile = lastType }
            }
            at += size
        }
    }
}
