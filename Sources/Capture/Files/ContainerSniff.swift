/// Recognises file formats by their first bytes, for messages.
enum ContainerSniff {
    /// Number of bytes to examine.
    static let headBytes = 512

    private static let magics: [(offset: Int, bytes: String, kind: String)] = [
        (0, "RIFF", "a RIFF file"), (0, "fLaC", "a FLAC file"), (0, "OggS", "an Ogg file"),
        (0, "ID3", "an MP3 file"), (0, "FORM", "an AIFF file"), (0, "caff", "a CAF file"),
        (0, ".snd", "an AU file"), (0, "RF64", "an RF64 file"), (4, "ftyp", "an MP4 or M4A file (AAC)"),
        (0, "\u{1A}E", "a Matroska or WebM file"), (0, "%PDF", "a PDF"), (1, "PNG", "a PNG image"),
        (0, "PK", "a ZIP archive"), (0, "\u{1F}", "a gzip archive"), (1, "ELF", "a program"),
        (6, "JFIF", "a JPEG image"),
    ]

    /// The kind of file that begins with these bytes; nil when it is unknown.
    static func kind(of head: some Collection<UInt8>) -> String? {
        for (offset, magic, kind) in magics
        where head.dropFirst(offset).starts(with: magic.utf8) && head.count >= 4 {
            // One byte is not enough: gzip's second one is not UTF-8.
            if magic == "\u{1F}" && head.dropFirst().first != 0x8B { continue }
            return kind
        }
        return isText(head) ? "text" : nil
    }

    /// Describes a file that starts with these bytes.
    static func description(of head: some Collection<UInt8>) -> String {
        if let kind = kind(of: head) { return kind }
        let digits = Array("0123456789abcdef")
        let bytes = head.prefix(8).map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }
        return "an unknown format (it starts with \(bytes.joined(separator: " ")))"
    }

    /// Whether the file is audio or video in a container that libsndfile cannot read.
    static func isForeignAudio(_ head: some Collection<UInt8>) -> Bool {
        let kind = kind(of: head) ?? ""
        return kind.contains("MP4") || kind.contains("Matroska")
    }

    /// Whether all bytes are printable ASCII, white space, or parts of UTF-8 letters.
    private static func isText(_ head: some Collection<UInt8>) -> Bool {
        let printable = head.lazy.filter { (0x20..<0x7F).contains($0) || (0x09...0x0D).contains($0) }.count
        if printable == head.count { return !head.isEmpty }
        let isUTF8 = head.allSatisfy { $0 >= 0x20 && $0 != 0x7F || (0x09...0x0D).contains($0) }
        return isUTF8 && printable * 2 > head.count && String(validating: head, as: UTF8.self) != nil
    }
}
