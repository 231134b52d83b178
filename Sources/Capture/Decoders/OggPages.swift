/// The pages of an Ogg file (RFC 3533): which codecs it has, and whether it is whole.
enum OggPages {
    enum Codec { case vorbis, opus, flac, speex, video, other }

    private static let headerBytes = 27

    /// A malicious file may consist of empty pages. This is enough for weeks.
    private static let maximumPages = 1 << 21

    /// Whether the file ends with the last page of a stream. Reads the headers of all pages.
    static func areWhole(_ bytes: AudioBytes) -> Bool {
        var offset: Int64 = 0
        var isLast = false
        for _ in 0..<maximumPages where offset < bytes.length {
            guard bytes.seek(to: offset) == offset,
                let page = Page(bytes.read(count: headerBytes + 255), startsAt: 0),
                page.length <= bytes.length - offset
            else { return false }
            isLast = page.isLast
            offset += page.length
        }
        return isLast || offset < bytes.length
    }

    /// Codecs of the streams that start in the first bytes of a file.
    static func codecs(inHead head: [UInt8]) -> Set<Codec> {
        var codecs: Set<Codec> = []
        var offset = 0
        while let page = Page(head, startsAt: offset), page.isFirst {
            codecs.insert(page.codec)
            offset += Int(page.length)
        }
        return codecs
    }

    private struct Page {
        let isFirst: Bool
        let isLast: Bool
        /// The page's length in bytes.
        let length: Int64
        let codec: Codec

        /// Reads a page's header and the start of its first packet; nil when there is none.
        init?(_ bytes: [UInt8], startsAt start: Int) {
            guard bytes.count >= start + headerBytes, bytes[start...].starts(with: "OggS\u{0}".utf8) else {
                return nil
            }
            let segments = Int(bytes[start + 26])
            let body = start + headerBytes + segments
            guard bytes.count >= body else { return nil }
            isFirst = bytes[start + 5] & 2 != 0
            isLast = bytes[start + 5] & 4 != 0
            length = Int64(body - start) + bytes[(start + headerBytes)..<body].reduce(0) { $0 + Int64($1) }
            codec = Self.codec(bytes[body...])
        }

        private static func codec(_ packet: ArraySlice<UInt8>) -> Codec {
            let starts: [([UInt8], Codec)] = [
                ([1] + Array("vorbis".utf8), .vorbis), (Array("OpusHead".utf8), .opus),
                ([0x7F] + Array("FLAC".utf8), .flac), (Array("fLaC".utf8), .flac),
                (Array("Speex   ".utf8), .speex), ([0x80] + Array("theora".utf8), .video),
                (Array("BBCD\u{0}".utf8), .video), ([1] + Array("video".utf8), .video),
            ]
            return starts.first { packet.starts(with: $0.0) }?.1 ?? .other
        }
    }
}
