/// Coded sound in place of the samples of a WAV file: DTS, as on a DTS CD, or the bursts of a digital output
/// (S/PDIF, IEC 61937). As samples it is noise.
enum CodedSamples {
    /// DTS in words of 16 and of 14 bits, and the preamble of a burst; little-endian.
    private static let marks: [[UInt8]] = [
        [0xFE, 0x7F, 0x01, 0x80], [0xFF, 0x1F, 0x00, 0xE8], [0x72, 0xF8, 0x1F, 0x4E],
    ]
    /// A burst begins in each of so many bytes; silence may be in front of the first.
    private static let searchedBytes = 1 << 16

    /// Whether the samples of a WAV file begin with such a mark. A file whose samples are one by chance loses
    /// nothing: ffmpeg decides what they are.
    ///
    /// - Parameter head: The file's first bytes.
    static func begin(_ bytes: AudioBytes, head: [UInt8]) -> Bool {
        // 16 bits and two channels only.
        guard let format = head.firstRange(of: Array("fmt ".utf8))?.upperBound, format + 20 <= head.count,
            FourCC.uint16(head, format + 6, bigEndian: false) == 2,
            FourCC.uint16(head, format + 18, bigEndian: false) == 16,
            let data = head.firstRange(of: Array("data".utf8))?.upperBound
        else { return false }
        _ = bytes.seek(to: Int64(data) + 4)
        let samples = bytes.read(count: searchedBytes)
        guard let first = samples.firstIndex(where: { $0 != 0 }) else { return false }
        return marks.contains { samples[(first & ~1)...].starts(with: $0) }
    }
}
