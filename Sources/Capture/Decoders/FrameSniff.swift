/// Recognises streams of frames that begin with a short synchronisation word: MPEG audio, AAC, AC-3, MPEG
/// transport streams.
///
/// A word of 11 to 16 bits also occurs in samples by chance. So a header's fields must be valid, and where
/// the next frame lies within the head it must begin with a header, too.
enum FrameSniff {
    static func kind(of head: [UInt8]) -> AudioFileKind? {
        if isTransportStream(head) { return .transportStream }
        if isFrameStream(head, length: mpegFrameBytes) { return mpegLayer(head[1]) }
        if isFrameStream(head, length: adtsFrameBytes) { return .aac }
        if isFrameStream(head, length: loasFrameBytes) { return .latm }
        if isFrameStream(head, length: ac3FrameBytes) { return head[5] >> 3 > 10 ? .eac3 : .ac3 }
        return nil
    }

    private static func mpegLayer(_ byte: UInt8) -> AudioFileKind {
        switch byte >> 1 & 3 {
        case 3: .mpegLayer1
        case 2: .mpegLayer2
        default: .mpegAudio
        }
    }

    /// Whether there is a frame at the start, and another one where it ends.
    ///
    /// - Parameter length: The length of the frame at an offset; nil when there is none.
    private static func isFrameStream(_ head: [UInt8], length: ([UInt8], Int) -> Int?) -> Bool {
        guard let first = length(head, 0) else { return false }
        return first + 8 > head.count || length(head, first) != nil
    }

    /// Packets of 188 bytes, each with the byte 0x47 and, by its fourth byte, an adaptation field or a
    /// payload; M2TS puts four bytes of time in front of each. At least three packets must begin in the head.
    private static func isTransportStream(_ head: [UInt8]) -> Bool {
        [(0, 188), (4, 192)].contains { start, packet in
            head.count >= start + 2 * packet + 4
                && stride(from: start, to: head.count - 3, by: packet).allSatisfy {
                    head[$0] == 0x47 && head[$0 + 3] & 0x30 != 0
                }
        }
    }

    /// ISO/IEC 11172-3 and 13818-3, layers I to III.
    private static func mpegFrameBytes(_ head: [UInt8], _ at: Int) -> Int? {
        guard at + 4 <= head.count, head[at] == 0xFF, head[at + 1] & 0xE0 == 0xE0 else { return nil }
        let version = Int(head[at + 1] >> 3 & 3)  // 0: 2.5, 2: 2, 3: 1
        let layer = 4 - Int(head[at + 1] >> 1 & 3)
        let rateIndex = Int(head[at + 2] >> 2 & 3)
        let bitRateIndex = Int(head[at + 2] >> 4)
        guard version != 1, layer != 4, rateIndex != 3, (1...14).contains(bitRateIndex) else { return nil }
        let rate = [44_100, 48_000, 32_000][rateIndex] >> (version == 3 ? 0 : version == 2 ? 1 : 2)
        let kilobits = bitRates(version1: version == 3, layer: layer)[bitRateIndex - 1]
        let padding = Int(head[at + 2] >> 1 & 1)
        if layer == 1 { return (12_000 * kilobits / rate + padding) * 4 }
        let samples = layer == 3 && version != 3 ? 576 : 1152
        return samples / 8 * kilobits * 1000 / rate + padding
    }

    private static func bitRates(version1: Bool, layer: Int) -> [Int] {
        switch (version1, layer) {
        case (true, 1): [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448]
        case (true, 2): [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384]
        case (true, _): [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
        case (false, 1): [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256]
        case (false, _): [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
        }
    }

    /// ISO/IEC 13818-7: the layer bits are 0.
    private static func adtsFrameBytes(_ head: [UInt8], _ at: Int) -> Int? {
        guard at + 7 <= head.count, head[at] == 0xFF, head[at + 1] & 0xF6 == 0xF0,
            head[at + 2] >> 2 & 15 < 13
        else { return nil }
        let length = Int(head[at + 3] & 3) << 11 | Int(head[at + 4]) << 3 | Int(head[at + 5]) >> 5
        return length > 7 ? length : nil
    }

    /// ISO/IEC 14496-3: an 11-bit word, then 13 bits of length.
    private static func loasFrameBytes(_ head: [UInt8], _ at: Int) -> Int? {
        guard at + 3 <= head.count, head[at] == 0x56, head[at + 1] & 0xE0 == 0xE0 else { return nil }
        let length = Int(head[at + 1] & 0x1F) << 8 | Int(head[at + 2])
        // A frame that reaches past the head could not be checked by the next one.
        return length > 4 && (at > 0 || length + 11 < head.count) ? length + 3 : nil
    }

    /// ETSI TS 102 366: AC-3, and E-AC-3, which states its length.
    private static func ac3FrameBytes(_ head: [UInt8], _ at: Int) -> Int? {
        guard at + 6 <= head.count, head[at] == 0x0B, head[at + 1] == 0x77, head[at + 5] >> 3 <= 16
        else { return nil }
        if head[at + 5] >> 3 > 10 { return ((Int(head[at + 2] & 7) << 8 | Int(head[at + 3])) + 1) * 2 }
        let rates = [48_000, 44_100, 32_000]
        let kilobits = [
            32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
        ]
        let (rateIndex, sizeIndex) = (Int(head[at + 4] >> 6), Int(head[at + 4] & 0x3F))
        guard rateIndex < rates.count, sizeIndex / 2 < kilobits.count else { return nil }
        // 1536 samples; at 44.1 kHz odd indices are one word longer.
        let words = kilobits[sizeIndex / 2] * 96_000 / rates[rateIndex]
        return 2 * (words + (rateIndex == 1 ? sizeIndex % 2 : 0))
    }
}
