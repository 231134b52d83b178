/// Compares the length in the header of an uncompressed file with the file's size.
///
/// libsndfile silently corrects such headers, so a truncated file would pass for a complete one.
enum PromisedLength {
    /// Whether a WAV (RF64 and W64 too), AIFF or AU file ends before its last sample. False for all other
    /// formats.
    static func isCutOff(_ bytes: AudioBytes) -> Bool {
        guard let end = promisedEnd(bytes) else { return false }
        return end > bytes.length
    }

    /// Offset after the last sample; nil when the header does not say.
    private static func promisedEnd(_ bytes: AudioBytes) -> Int64? {
        guard let head = read(bytes, at: 0, count: 12) else { return nil }
        switch (tag(head, 0), tag(head, 8)) {
        case ("RIFF", "WAVE"):
            return chunkEnd(bytes, named: "data", size: LittleEndian.uint32)
        case ("RF64", "WAVE"):
            return rf64End(bytes)
        case ("riff", _):
            return w64End(bytes)
        case ("FORM", "AIFF"), ("FORM", "AIFC"):
            return chunkEnd(bytes, named: "SSND", size: bigEndian)
        case (".snd", _):
            return WAVHeader.announcedBytes(bigEndian(head, 8)).map { $0 + Int64(bigEndian(head, 4)) }
        default:
            return nil
        }
    }

    /// EBU Tech 3306: the chunk `ds64`, which comes first, contains the size of `data`.
    private static func rf64End(_ bytes: AudioBytes) -> Int64? {
        guard let sizes = read(bytes, at: 12, count: 32), tag(sizes, 0) == "ds64" else { return nil }
        let announced = LittleEndian.uint64(sizes, 16)
        guard let start = chunkStart(bytes, named: "data", size: LittleEndian.uint32), announced > 0 else {
            return nil
        }
        let (end, overflows) = start.addingReportingOverflow(Int64(clamping: announced))
        return overflows ? .max : end
    }

    /// Sony Wave64: chunks have GUIDs of 16 bytes, and sizes of 8 bytes that include the chunk header.
    private static func w64End(_ bytes: AudioBytes) -> Int64? {
        var offset: Int64 = 40
        for _ in 0..<maximumChunks {
            guard let head = read(bytes, at: offset, count: 24) else { return nil }
            let length = Int64(clamping: LittleEndian.uint64(head, 16))
            // A writer that could not know the length leaves 0, or nearly the largest number.
            guard length >= 24, length < Int64.max / 4 else { return nil }
            if tag(head, 0) == "data" { return offset + length }
            offset += (length + 7) / 8 * 8
        }
        return nil
    }

    private static func chunkEnd(
        _ bytes: AudioBytes, named name: String, size: ([UInt8], Int) -> UInt32
    ) -> Int64? {
        guard let start = chunkStart(bytes, named: name, size: size),
            let head = read(bytes, at: start - 4, count: 4)
        else { return nil }
        return WAVHeader.announcedBytes(size(head, 0)).map { start + $0 }
    }

    /// A malicious file may consist of empty chunks.
    private static let maximumChunks = 10_000

    /// Offset of a chunk's first byte after its header.
    private static func chunkStart(
        _ bytes: AudioBytes, named name: String, size: ([UInt8], Int) -> UInt32
    ) -> Int64? {
        var offset: Int64 = 12
        for _ in 0..<maximumChunks {
            guard let head = read(bytes, at: offset, count: 8) else { return nil }
            let length = size(head, 4)
            if tag(head, 0) == name { return offset + 8 }
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
