/// Divides a file into the parts that are decoded one after the other.
///
/// Most files have one. Files that were joined (`cat a.mp3 b.mp3`), chained Ogg files and recordings of
/// broadcasts have several, which may differ in rate and channels.
///
/// Threading: one thread at a time.
final class SoundParts {
    /// A part, opened.
    struct Part {
        let decoder: any AudioDecoder
        /// Length in frames according to the header; nil when it does not say, or says nothing true.
        var statedFrames: Int64?
        /// Why the part is known to be cut off although its header states no length.
        var cutOff: String?
        /// The bytes that the decoder reads; their end is known when it has read them.
        fileprivate let bytes: FileAudioBytes?
        fileprivate var chunks: ChunkLayout?
        /// Behind damage, another frame can be found.
        fileprivate var isMPEG = false

        /// The only part of a stream, or of a file that its decoder reads to the end.
        init(whole decoder: any AudioDecoder) {
            self.decoder = decoder
            statedFrames = decoder.info.frames
            bytes = nil
        }

        fileprivate init(
            _ decoder: any AudioDecoder, statedFrames: Int64?, cutOff: String? = nil, bytes: FileAudioBytes,
            chunks: ChunkLayout? = nil
        ) {
            self.decoder = decoder
            self.statedFrames = statedFrames
            self.cutOff = cutOff
            self.bytes = bytes
            self.chunks = chunks
        }
    }

    private let descriptor: OwnedDescriptor
    private let size: Int64
    private let name: String
    /// A view of its own leaves the decoders' offsets alone.
    private let file: FileAudioBytes
    private let words: FileWords
    private var last: Part?

    /// Bytes at the end of the file that are neither sound nor anything else that is known.
    private(set) var rest: Range<Int64>?

    init(_ descriptor: OwnedDescriptor, size: Int64, name: String) {
        self.descriptor = descriptor
        self.size = size
        self.name = name
        file = FileAudioBytes(descriptor, size: size)
        words = FileWords(FileAudioBytes(descriptor, size: size))
    }

    /// Opens the next part.
    ///
    /// - Returns: nil at the end of the file, or of what can be read; see ``rest``.
    /// - Throws: `notAudio`, `malformed`, `unsupported` or `system`.
    func next() throws(CaptureError) -> Part? {
        guard let before = last else {
            last = try first()
            return last
        }
        var start = behind(before.bytes?.range.upperBound ?? size, before.chunks)
        if start < size && !isSound(at: start) {
            // Damage between two frames, or something that does not belong there.
            let found = before.isMPEG ? MPEGStream.find(in: start..<size, of: words) : nil
            if found.map({ $0 - start > Self.damageBytes }) ?? (size - start >= Self.negligibleBytes) {
                rest = start..<(found ?? size)
            }
            start = found ?? size
        }
        if start >= size { return nil }
        do throws(CaptureError) {
            last = try part(at: start)
        } catch {
            rest = start..<size
            last = nil
        }
        if last == nil && rest == nil { rest = start..<size }
        return last
    }

    /// Fewer bytes than this at the end are ignored.
    static let negligibleBytes: Int64 = 8
    /// An MPEG decoder skips as much to find the next frame.
    private static let damageBytes: Int64 = 4096

    /// The part at the file's start. A file of unknown kind is libsndfile's, or it is an MP3 with something
    /// in front.
    private func first() throws(CaptureError) -> Part {
        let start = skipTags(from: 0)
        if let part = try part(at: start) { return part }
        do throws(CaptureError) {
            if let part = try extended(at: 0) { return part }
            return try open(FileAudioBytes(descriptor, size: size))
        } catch {
            guard case .notAudio = error, !ContainerSniff.isOther(file),
                let start = MPEGStream.find(in: 0..<min(size, Self.searchedBytes), of: words),
                let part = try part(at: start)
            else { throw error }
            return part
        }
    }

    private static let searchedBytes: Int64 = 1 << 20

    private func isSound(at offset: Int64) -> Bool {
        let head = file.read(at: offset, count: 12)
        switch FourCC.text(head, 0) {
        case "RIFF", "RF64", "BW64", "RIFX": return FourCC.text(head, 8) == "WAVE"
        case "FORM": return FourCC.text(head, 8).hasPrefix("AIF") || SampleExtent.begins(head)
        case "riff", "caff", ".snd", "dns.", "fLaC", "OggS": return true
        default: return SampleExtent.begins(head) || MPEGStream.begins(at: offset, in: words)
        }
    }

    /// - Returns: nil when no known part begins at the offset.
    private func part(at start: Int64) throws(CaptureError) -> Part? {
        guard isSound(at: start) else { return nil }
        let head = file.read(at: start, count: 12)
        if SampleExtent.begins(head) {
            if let part = try extended(at: start) { return part }
            return try open(FileAudioBytes(descriptor, size: size, range: start..<size))
        }
        switch FourCC.text(head, 0) {
        case "fLaC": return try flac(at: start)
        case "OggS": return try ogg(at: start)
        case "RIFF", "RF64", "BW64", "RIFX", "FORM", "riff", "caff", ".snd", "dns.":
            return try samples(at: start)
        default: return try mpeg(at: start)
        }
    }

    private func open(_ bytes: FileAudioBytes, _ format: SampleFormat? = nil) throws(CaptureError) -> Part {
        let decoder = try SndfileDecoder(bytes, format: format, name: name)
        return Part(decoder, statedFrames: decoder.info.frames, bytes: bytes)
    }

    // MARK: Compressed sound

    /// The number of samples in the header is where the decoder would stop; 0 is "unknown".
    private func flac(at start: Int64) throws(CaptureError) -> Part {
        let field: Int64 = 21
        let found = file.read(at: start + field, count: 5)
        var patches: [(Int64, [UInt8])] = []
        var stated: Int64 = 0
        if found.count == 5 {
            stated = found.dropFirst().reduce(Int64(found[0] & 15)) { $0 << 8 | Int64($1) }
            patches = [(field, [found[0] & 0xF0, 0, 0, 0, 0])]
        }
        // Tags at the file's end do not count as damaged frames.
        let bytes = PatchedAudioBytes(
            descriptor, size: size, range: start..<max(start, withoutTags(end: size)), patches: patches,
            endsAtFLAC: true)
        var part = try open(bytes)
        part.statedFrames = stated == 0 ? nil : stated
        return part
    }

    private func mpeg(at start: Int64) throws(CaptureError) -> Part? {
        guard let stream = MPEGStream(at: start, in: words) else { return nil }
        let bytes = PatchedAudioBytes(descriptor, size: size, range: stream.range, patches: stream.patches)
        var part = try open(bytes)
        part.isMPEG = true
        // Some encoders count the tag's frame, too.
        if let stated = stream.statedFrames, stated > stream.frames + 1 {
            part.statedFrames = stated * Int64(stream.samplesPerFrame)
        }
        return part
    }

    /// The position of the last page is where the decoder would stop.
    private func ogg(at start: Int64) throws(CaptureError) -> Part? {
        guard let link = OggLink(at: start, in: file) else { return nil }
        let plain = FileAudioBytes(descriptor, size: size, range: link.range)
        guard let patch = link.patch, !link.isCutOff else {
            var part = try open(plain)
            if link.isCutOff || part.statedFrames == nil { part.cutOff = Self.moreFollows }
            return part
        }
        // A wrong position may also be an error.
        let stated = (try? SndfileDecoder(plain, format: nil, name: name))?.info.frames ?? 0
        let bytes = PatchedAudioBytes(descriptor, size: size, range: link.range, patches: [patch])
        let decoder = try SndfileDecoder(bytes, format: nil, name: name)
        let isPossible = (1..<(1 << 48)).contains(stated)
        if isPossible { decoder.trimsEnd(at: stated) }
        return Part(decoder, statedFrames: isPossible ? stated : nil, bytes: bytes)
    }

    // MARK: Samples

    private func samples(at start: Int64) throws(CaptureError) -> Part {
        let bytes = FileAudioBytes(descriptor, size: size, range: start..<size)
        let header: SampleHeader?
        do throws(CaptureError) {
            header = try SampleHeader.read(bytes, name: name)
        } catch {
            guard case .malformed = error else { throw error }
            header = nil
        }
        guard let header else { return try open(FileAudioBytes(descriptor, size: size, range: start..<size)) }
        let first = start + bytes.offset
        let end = end(of: header, at: first)
        guard let format = header.format else {
            // libsndfile reads the container; what follows it is found all the same.
            return Part(
                try open(FileAudioBytes(descriptor, size: size, range: start..<size)).decoder,
                statedFrames: nil,
                cutOff: header.knownBytes.flatMap { $0 > size - first ? Self.moreFollows : nil },
                bytes: FileAudioBytes(descriptor, size: size, range: start..<end), chunks: header.chunks)
        }
        var part = try open(FileAudioBytes(descriptor, size: size, range: first..<end), format)
        part.chunks = header.chunks
        let frames = Int64(max(1, format.bytesPerFrame))
        part.statedFrames = max((end - first) / frames, (header.knownBytes ?? 0) / frames)
        return part
    }

    /// Offset behind the last sample: where the header says, or where the file ends.
    ///
    /// A length of 32 bits cannot be true beyond 4 GiB; writers leave its low bits.
    private func end(of header: SampleHeader, at first: Int64) -> Int64 {
        let available = size - first
        let stated = header.statedBytes
        if stated == 0 && hasOnlyChunks(first, header.chunks) { return first }
        if stated <= 0 || stated >= available || header.isPlaceholder && stated > 1 << 31 + 0x1000 {
            return size
        }
        if behind(first + stated, header.chunks) >= size || isSound(at: behind(first + stated, header.chunks))
        {
            return first + stated
        }
        if header.isPlaceholder { return size }
        if header.chunks.map({ $0.sizeBytes == 4 && !$0.hasLongData }) ?? true {
            let wrap: Int64 = 1 << 32
            var length = stated + (available - stated) / wrap * wrap
            while length > stated {
                if behind(first + length, header.chunks) >= size { return first + length }
                length -= wrap
            }
        }
        return first + stated
    }

    private func hasOnlyChunks(_ start: Int64, _ chunks: ChunkLayout?) -> Bool {
        guard let chunks, let end = chunkEnd(at: start, chunks) else { return false }
        return behind(end, chunks) >= size
    }

    /// A part whose end is known although libsndfile does not look for it.
    private func extended(at start: Int64) throws(CaptureError) -> Part? {
        guard let extent = SampleExtent(at: start, in: file) else { return nil }
        let end = min(size, extent.end.map { start + $0 } ?? size)
        let (wanted, available) = ((extent.end ?? 0) - extent.first, end - start - extent.first)
        if extent.isFilled && available < wanted {
            throw .malformed(name: name, detail: "it has \(available) of its \(wanted) bytes of samples")
        }
        var part = try open(FileAudioBytes(descriptor, size: size, range: start..<end))
        part.chunks = extent.chunks
        if let frames = part.statedFrames, available > 0, available < wanted {
            let stated = Double(frames) * Double(wanted) / Double(available)
            part.statedFrames = max(frames + 1, Int64(stated.rounded()))
        } else if let frame = extent.frameBytes, available % frame != 0 {
            part.cutOff = "the file ends within a frame"
        }
        return part
    }

    private static let moreFollows = "the header says that more follows"

    // MARK: Between the parts

    /// Offset of the first byte behind zeros, tags and, if there is a layout, chunks.
    private func behind(_ start: Int64, _ chunks: ChunkLayout?) -> Int64 {
        var at = start
        for _ in 0..<SampleHeader.maximumChunks where at < size {
            let before = at
            let end = skipZeros(from: at)
            if end - at >= Self.maximumZeros { return at }
            at = skipTags(from: end)
            if let chunks, at < size, !isSound(at: at) {
                at = chunkEnd(at: at, chunks) ?? at
            }
            if at == before { break }
        }
        return min(at, size)
    }

    /// Offset behind a chunk; nil when there is none that fits into the file. The last chunk may be cut off.
    private func chunkEnd(at offset: Int64, _ chunks: ChunkLayout) -> Int64? {
        let head = file.read(at: offset, count: chunks.headBytes)
        guard let (id, size) = chunks.head(head), size >= 0, ChunkLayout.isSkippable(id) else { return nil }
        let end = offset + Int64(chunks.headBytes)
        if size > self.size - end { return ChunkLayout.known.contains(id) ? self.size : nil }
        return min(self.size, end + size)
    }

    /// Padding; more zeros than that may be silence, and are not passed over.
    private static let maximumZeros: Int64 = 1 << 20

    private func skipZeros(from start: Int64) -> Int64 {
        var at = start
        while at < size && at - start < Self.maximumZeros {
            let block = file.read(at: at, count: 1 << 16)
            if block.isEmpty { return at }
            if let found = block.firstIndex(where: { $0 != 0 }) { return at + Int64(found) }
            at += Int64(block.count)
        }
        return at
    }

    /// Offset behind ID3v1, ID3v2, Lyrics3 and APE tags.
    private func skipTags(from start: Int64) -> Int64 {
        var at = start
        while at < size {
            let head = file.read(at: at, count: 32)
            if head.starts(with: "TAG".utf8) && isID3v1(at) {
                at += 128
            } else if head.count >= 10, head.starts(with: "ID3".utf8), head[3] < 5,
                head[6...9].allSatisfy({ $0 < 128 })
            {
                let footer: Int64 = head[5] & 0x10 == 0 ? 0 : 10
                at += 10 + footer + head[6...9].reduce(0) { $0 << 7 | Int64($1) }
            } else if head.count == 32, head.starts(with: "APETAGEX".utf8) {
                at +=
                    32
                    + (FourCC.uint32(head, 20, bigEndian: false) >> 29 & 1 == 1
                        ? Int64(FourCC.uint32(head, 12, bigEndian: false)) : 0)
            } else {
                return at
            }
        }
        return min(at, size)
    }

    /// "TAG" may begin other data: behind the 128 bytes is the end, or sound.
    private func isID3v1(_ offset: Int64) -> Bool {
        let end = offset + 128
        return end == size || end < size && (isSound(at: end) || skipTags(from: end) > end)
    }

    /// The end without ID3v1 and APE tags in front of it.
    private func withoutTags(end: Int64) -> Int64 {
        var end = end
        if end >= 128, file.read(at: end - 128, count: 3).elementsEqual("TAG".utf8) { end -= 128 }
        if end >= 32 {
            let foot = file.read(at: end - 32, count: 32)
            if foot.starts(with: "APETAGEX".utf8) {
                let hasHeader = FourCC.uint32(foot, 20, bigEndian: false) >> 31 == 1
                end -= Int64(FourCC.uint32(foot, 12, bigEndian: false)) + (hasHeader ? 32 : 0)
            }
        }
        return max(0, end)
    }
}
