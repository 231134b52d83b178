/// Where containers say that they end. ffmpeg reads one that was cut off like a shorter one, and in a film,
/// whose sound may be shorter than its picture, the length in seconds does not show it.
enum StatedEnd {
    /// A malicious file may consist of empty elements.
    private static let maximumElements = 1 << 12

    /// The offset after the last byte of a file; nil where the kind, or the file, does not state it.
    static func of(_ kind: AudioFileKind, _ bytes: FileAudioBytes) -> Int64? {
        switch kind {
        case .matroska, .webm: matroska(bytes)
        case .avi: avi(bytes)
        case .asf: asf(bytes)
        case .flv: flashVideo(bytes)
        default: nil
        }
    }

    /// The end of the first segment (RFC 8794, RFC 9559): elements of an identifier and a size, both with
    /// their lengths in the first bits.
    private static func matroska(_ bytes: FileAudioBytes) -> Int64? {
        var at: Int64 = 0
        for _ in 0..<maximumElements where at < bytes.length {
            let head = bytes.read(at: at, count: 12)
            guard let first = head.first, first.leadingZeroBitCount < 4 else { return nil }
            let identifierBytes = first.leadingZeroBitCount + 1
            guard head.count > identifierBytes else { return nil }
            let sizeBytes = head[identifierBytes].leadingZeroBitCount + 1
            guard sizeBytes <= 8, head.count >= identifierBytes + sizeBytes else { return nil }
            let digits = head[identifierBytes..<identifierBytes + sizeBytes]
            let value = digits.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let unknown = UInt64(1) << UInt64(7 * sizeBytes) - 1
            let size = value & unknown
            // A stream that is recorded states no size.
            guard size != unknown else { return nil }
            let end = at + Int64(identifierBytes + sizeBytes) + Int64(size)
            if head.starts(with: [0x18, 0x53, 0x80, 0x67]) { return end }
            at = end
        }
        return nil
    }

    /// The end of the first RIFF chunk, whose last byte may be missing: it only makes the size even.
    private static func avi(_ bytes: FileAudioBytes) -> Int64? {
        let head = bytes.read(at: 0, count: 8)
        guard head.count == 8 else { return nil }
        let size = Int64(FourCC.uint32(head, 4, bigEndian: false))
        return size == 0 || size == UInt32.max ? nil : size + 7
    }

    private static let asfData: [UInt8] = [
        0x36, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11, 0xA6, 0xD9, 0x00, 0xAA, 0x00, 0x62, 0xCE, 0x6C,
    ]

    /// The end of the data object: objects of an identifier and a length.
    private static func asf(_ bytes: FileAudioBytes) -> Int64? {
        var at: Int64 = 0
        for _ in 0..<maximumElements where at < bytes.length {
            let head = bytes.read(at: at, count: 24)
            guard head.count == 24 else { return nil }
            let size = Int64(clamping: FourCC.uint64(head, 16, bigEndian: false))
            // A broadcast states no length.
            guard size > 50, size < Int64.max - at else { return nil }
            at += size
            if head.starts(with: asfData) { return at }
        }
        return nil
    }

    /// `filesize` of the metadata in the first tag.
    private static func flashVideo(_ bytes: FileAudioBytes) -> Int64? {
        let head = bytes.read(at: 0, count: 4096)
        // The name, and the type of the value: a number.
        guard let name = head.firstRange(of: Array("filesize".utf8) + [0]), name.upperBound + 8 <= head.count
        else { return nil }
        let size = Double(bitPattern: FourCC.uint64(head, name.upperBound, bigEndian: true))
        return size >= 1 && size < 0x1p62 ? Int64(size) : nil
    }
}
