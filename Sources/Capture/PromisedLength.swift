/// Compares what the header of an uncompressed file promises with what the file holds.
///
/// The decoder quietly corrects such headers, so a file that was cut off would pass for a whole one.
enum PromisedLength {
    /// Whether a WAV, AIFF or AU file ends before its samples do. False for every other file.
    static func isCutOff(_ bytes: AudioBytes) -> Bool {
        guard let end = promisedEnd(bytes) else { return false }
        return end > bytes.length
    }

    /// Offset of the byte behind the last sample; nil where no header says it.
    private static func promisedEnd(_ bytes: AudioBytes) -> Int64? {
        guard let head = read(bytes, at: 0, count: 12) else { return nil }
        switch (tag(head, 0), tag(head, 8)) {
        case ("RIFF", "WAVE"):
            return chunkEnd(bytes, named: "data", size: LittleEndian.uint32)
        case ("FORM", "AIFF"), ("FORM", "AIFC"):
            return chunkEnd(bytes, named: "SSND", size: bigEndian)
        case (".snd", _):
            return WAVHeader.announcedBytes(bigEndian(head, 8)).map { $0 + Int64(bigEndian(head, 4)) }
        default:
            return nil
        }
    }

    private static func chunkEnd(
        _ bytes: AudioBytes, named name: String, size: ([UInt8], Int) -> UInt32
    ) -> Int64? {
        var offset: Int64 = 12
        let mostChunks = 10_000  // a hostile file may be nothing but empty chunks
        for _ in 0..<mostChunks {
            guard let head = read(bytes, at: offset, count: 8) else { return nil }
            let length = size(head, 4)
            if tag(head, 0) == name {
                return WAVHeader.announcedBytes(length).map { offset + 8 + $0 }
            }
            offset += 8 + Int64(length) + Int64(length % 2)
        }
        return nil
    }

    private static func read(_ bytes: AudioBytes, at offset: Int64, count: Int) -> [UInt8]? {
        guard bytes.seek(to: offset) == offset else { return nil }
        let found = bytes.read(count: count)
        return found.count == count ? found : nil
    }

    private static func tag(_ bytes: [UInt8], _ offset: Int) -> String {
        String(decoding: bytes[offset..<offset + 4], as: UTF8.self)
    }

    private static func bigEndian(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        LittleEndian.uint32(bytes, offset).byteSwapped
    }
}
