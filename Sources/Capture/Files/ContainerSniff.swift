/// Recognises the kind of a file by its first bytes.
///
/// A stream of samples without a header begins with arbitrary bytes, so whatever has less than four bytes of
/// signature must pass a second check.
package enum ContainerSniff {
    /// Number of bytes to examine of a stream, which may be slow, and of a file.
    static let headBytes = 512
    private static let fileHeadBytes = 4096

    /// The kind of file that begins with these bytes; nil when it is unknown.
    static func kind(of head: some Collection<UInt8>) -> AudioFileKind? {
        let head = Array(head.prefix(fileHeadBytes))
        for (offset, signature, kind) in signatures where matches(head, offset, signature) { return kind }
        return riff(head) ?? isoMedia(head) ?? ogg(head) ?? matroska(head) ?? FrameSniff.kind(of: head)
            ?? (isText(head) ? textKind(head) : nil)
    }

    /// The kind of a file, looking past an ID3 tag, which may be in front of several kinds.
    static func kind(of bytes: AudioBytes) -> AudioFileKind? {
        let first = head(of: bytes, at: 0)
        guard let tagEnd = id3End(first) else {
            let kind = kind(of: first)
            return kind == .wav && CodedSamples.begin(bytes, head: first) ? .codedWAV : kind
        }
        // Padding may follow the tag, and a second tag.
        return kind(of: head(of: bytes, at: tagEnd).drop { $0 == 0 }) ?? .mpegAudio
    }

    /// Whether a file has the signature of a kind that is not audio, in which an MPEG decoder may find frames
    /// by chance. (Text is none: a server's answer may be in front of an MP3.)
    static func isOther(_ bytes: AudioBytes) -> Bool {
        let head = head(of: bytes, at: 0)
        return otherSignatures.contains { $0.kind.decoder == .none && matches(head, $0.offset, $0.bytes) }
    }

    /// Describes a file that starts with these bytes.
    package static func description(of head: some Collection<UInt8>) -> String {
        if let kind = kind(of: head) { return kind.name }
        if head.allSatisfy({ $0 == 0 }) { return "zeros only, as a copy that was interrupted leaves" }
        let digits = Array("0123456789abcdef")
        let bytes = head.prefix(8).map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }
        return "an unknown format (it starts with \(bytes.joined(separator: " ")))"
    }

    private static func head(of bytes: AudioBytes, at offset: Int64) -> [UInt8] {
        _ = bytes.seek(to: offset)
        return bytes.read(count: fileHeadBytes)
    }

    /// Offset after the ID3v2 tag at the start; nil without one.
    private static func id3End(_ head: [UInt8]) -> Int64? {
        guard head.starts(with: "ID3".utf8), head.count >= 10 else { return nil }
        let size = head[6..<10].reduce(Int64(0)) { $0 << 7 | Int64($1 & 0x7F) }
        return 10 + size + (head[5] & 0x10 == 0 ? 0 : 10)
    }

    private static func matches(_ head: [UInt8], _ offset: Int, _ signature: [UInt8]) -> Bool {
        head.dropFirst(offset).starts(with: signature)
    }

    private static func text(_ head: [UInt8], _ range: Range<Int>) -> String {
        head.count < range.upperBound ? "" : String(decoding: head[range], as: UTF8.self)
    }

    /// RIFF and its big-endian twin have a form at offset 8.
    private static func riff(_ head: [UInt8]) -> AudioFileKind? {
        switch (text(head, 0..<4), text(head, 8..<12)) {
        case ("RIFF", "WAVE"), ("RIFX", "WAVE"), ("RF64", "WAVE"), ("BW64", "WAVE"): .wav
        case ("RIFF", "AVI "): .avi
        case ("RIFF", "QLCM"): .qcp
        case ("RIFF", "WEBP"): .other("a WebP image")
        case ("RIFF", "RMID"): .other("a MIDI file (notes, not sound)")
        case ("RIFF", "sfbk"): .other("a SoundFont (instruments, not sound)")
        case ("RIFF", _), ("RIFX", _): .wav
        case ("FORM", "8SVX"), ("FORM", "16SV"): .svx
        case ("FORM", _): .aiff
        default: nil
        }
    }

    /// ISO base media: boxes with a type at offset 4; the brand of `ftyp` says which kind.
    private static func isoMedia(_ head: [UInt8]) -> AudioFileKind? {
        switch text(head, 4..<8) {
        case "ftyp": brand(text(head, 8..<12))
        case "styp": .mp4
        case "moov", "mdat", "pnot", "wide": .quickTime
        default: nil
        }
    }

    private static func brand(_ brand: String) -> AudioFileKind {
        switch brand {
        case "M4A ", "M4B ", "M4P ": .m4a
        case "qt  ": .quickTime
        case "heic", "heix", "mif1", "msf1", "avif", "avis": .other("a HEIF or AVIF image")
        case "aax ", "aaxc": .other("an Audible file (encrypted)")
        case let other where other.hasPrefix("3g"): .threeGP
        default: .mp4
        }
    }

    /// The codec of an Ogg file's first streams is in their first packets.
    private static func ogg(_ head: [UInt8]) -> AudioFileKind? {
        guard text(head, 0..<4) == "OggS" else { return nil }
        let codecs = OggPages.codecs(inHead: head)
        if codecs.contains(.video) { return .oggVideo }
        if codecs.contains(.speex) { return .speex }
        return codecs.isEmpty || !codecs.isDisjoint(with: [.vorbis, .opus, .flac]) ? .ogg : .otherOgg
    }

    /// EBML; the document type follows within the first bytes.
    private static func matroska(_ head: [UInt8]) -> AudioFileKind? {
        guard head.starts(with: [0x1A, 0x45, 0xDF, 0xA3]) else { return nil }
        return text(head, 0..<min(64, head.count)).contains("webm") ? .webm : .matroska
    }

    /// Text that says what it is, so that a message can.
    private static func textKind(_ head: [UInt8]) -> AudioFileKind {
        let start = String(
            decoding: head.prefix(256).drop { $0 == 0xEF || $0 == 0xBB || $0 == 0xBF }, as: UTF8.self
        )
        .drop { $0.isWhitespace }.lowercased()
        let kinds = [
            ("<!doctype html", "an HTML page"), ("<html", "an HTML page"), ("#extm3u", "a playlist (M3U)"),
            ("[playlist]", "a playlist (PLS)"), ("ffconcat version", "a list of files (ffconcat)"),
            ("<asx", "a playlist (ASX)"), ("<smil", "a playlist (SMIL)"), ("<?xml", "XML"),
            ("version https://git-lfs", "a Git LFS pointer (run `git lfs pull`)"),
        ]
        return kinds.first { start.hasPrefix($0.0) }.map { .other($0.1) } ?? .text
    }

    /// Whether all bytes are printable ASCII, white space, or parts of UTF-8 letters.
    private static func isText(_ head: [UInt8]) -> Bool {
        let printable = head.lazy.filter { (0x20..<0x7F).contains($0) || (0x09...0x0D).contains($0) }.count
        if printable == head.count { return !head.isEmpty }
        let isUTF8 = head.allSatisfy { $0 >= 0x20 && $0 != 0x7F || (0x09...0x0D).contains($0) }
        guard isUTF8 && printable * 2 > head.count else { return false }
        // The head may end within a letter of up to four bytes.
        return (0..<4).contains { String(validating: head.dropLast($0), as: UTF8.self) != nil }
    }

    private static func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static let signatures: [(offset: Int, bytes: [UInt8], kind: AudioFileKind)] =
        audioSignatures + otherSignatures

    private static let audioSignatures: [(offset: Int, bytes: [UInt8], kind: AudioFileKind)] = [
        (0, ascii("fLaC"), .flac), (0, ascii("caff"), .caf),
        (0, ascii(".snd"), .au), (0, ascii("dns."), .au),
        (0, ascii("riff") + [0x2E, 0x91, 0xCF, 0x11], .w64),
        (0, ascii("Creative Voice File"), .voc), (0, ascii("NIST_1A"), .nist),
        (0, ascii(" paf"), .paf), (0, ascii("fap "), .paf), (0, ascii("PVF1"), .pvf),
        (0, ascii("2BIT"), .avr),
        (0, [0x64, 0xA3, 0x01, 0x00], .ircam), (0, [0x64, 0xA3, 0x02, 0x00], .ircam),
        (0, [0x64, 0xA3, 0x03, 0x00], .ircam), (0, [0x64, 0xA3, 0x04, 0x00], .ircam),
        (0, [0x00, 0x01, 0xA3, 0x64], .ircam), (0, [0x00, 0x02, 0xA3, 0x64], .ircam),
        (0, [0x00, 0x03, 0xA3, 0x64], .ircam), (0, [0x00, 0x04, 0xA3, 0x64], .ircam),
        (0, ascii("ID3\u{2}"), .mpegAudio), (0, ascii("ID3\u{3}"), .mpegAudio),
        (0, ascii("ID3\u{4}"), .mpegAudio),
        (0, [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11], .asf),
        (0, ascii("wvpk"), .wavPack), (0, ascii("#!AMR"), .amr), (0, ascii("TTA1"), .tta),
        (0, ascii("MAC "), .ape), (0, ascii("tBaK"), .tak), (0, ascii("MPCK"), .musepack8),
        (0, ascii("MP+\u{7}"), .musepack7), (0, ascii("MP+\u{17}"), .musepack7), (0, ascii("ajkg"), .shorten),
        (0, ascii("DSD "), .dsf), (0, ascii("FRM8"), .dsdiff), (0, ascii(".RMF"), .realMedia),
        (0, [0x2E, 0x72, 0x61, 0xFD], .realMedia), (0, ascii("ea3\u{3}"), .atrac),
        (0, ascii("EA3\u{1}"), .atrac),
        (0, [0x7F, 0xFE, 0x80, 0x01], .dts), (0, [0xFE, 0x7F, 0x01, 0x80], .dts),
        (4, [0xF8, 0x72, 0x6F, 0xBA], .trueHD), (4, [0xF8, 0x72, 0x6F, 0xBB], .mlp),
        (0, ascii("FLV\u{1}"), .flv), (0, [0x06, 0x0E, 0x2B, 0x34, 0x02, 0x05, 0x01, 0x01], .mxf),
        (0, ascii("nut/multimedia container"), .nut), (0, [0x00, 0x00, 0x01, 0xBA], .programStream),
    ]

    private static let otherSignatures: [(offset: Int, bytes: [UInt8], kind: AudioFileKind)] = [
        (0, ascii("MThd"), .other("a MIDI file (notes, not sound)")),
        (0, ascii("Extended Module: "), .other("a tracker module (notes, not sound)")),
        (0, ascii("IMPM"), .other("a tracker module (notes, not sound)")),
        (0, ascii("OFR "), .other("OptimFROG audio")),
        (0, ascii("%PDF"), .other("a PDF")), (0, ascii("PK\u{3}\u{4}"), .other("a ZIP archive")),
        (0, ascii("PK\u{5}\u{6}"), .other("an empty ZIP archive")),
        (0, [0x1F, 0x8B, 0x08], .other("a gzip archive")), (0, ascii("BZh9"), .other("a bzip2 archive")),
        (0, [0xFD, 0x37, 0x7A, 0x58, 0x5A], .other("an xz archive")),
        (0, [0x37, 0x7A, 0xBC, 0xAF, 0x27], .other("a 7z archive")),
        (0, ascii("Rar!"), .other("a RAR archive")),
        (0, [0x28, 0xB5, 0x2F, 0xFD], .other("a zstd archive")),
        (257, ascii("ustar"), .other("a tar archive")),
        (0, [0x89, 0x50, 0x4E, 0x47], .other("a PNG image")),
        (0, [0xFF, 0xD8, 0xFF, 0xDB], .other("a JPEG image")),
        (6, ascii("JFIF"), .other("a JPEG image")), (6, ascii("Exif"), .other("a JPEG image")),
        (0, ascii("GIF8"), .other("a GIF image")), (0, ascii("II*\u{0}"), .other("a TIFF image")),
        (0, ascii("MM\u{0}*"), .other("a TIFF image")),
        (0, [0x7F] + ascii("ELF"), .other("a program")),
        (0, ascii("SQLite format 3"), .other("an SQLite database")),
        (0, [0x93] + ascii("NUMPY"), .other("a NumPy array")),
        (0, [0x89] + ascii("HDF"), .other("an HDF5 file")),
        (0, [0x00, 0x05, 0x16, 0x07], .other("an AppleDouble file (a Mac's metadata)")),
        (0, [0xD0, 0xCF, 0x11, 0xE0], .other("an Office document")),
    ]
}
