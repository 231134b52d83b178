/// The format of the samples that come next in a stream: from a header, or agreed on.
struct StreamHead {
    let format: SampleFormat
    /// nil when the samples have no header.
    private let header: SampleHeader?

    private init(format: SampleFormat, header: SampleHeader?) {
        self.format = format
        self.header = header
    }

    /// Reads what a stream begins with, up to its first sample.
    ///
    /// - Parameters:
    ///   - headerless: The format of samples without a header.
    ///   - isCertain: Whether bytes that look like another format are samples nevertheless.
    /// - Throws: `emptyFile`, `unsupported`, `malformed` or `system`.
    init(
        of stream: StreamAudioBytes, headerless: SampleFormat, isCertain: Bool = false, name: String
    ) throws(CaptureError) {
        var head = stream.read(count: Self.headBytes)
        if head.isEmpty {
            if let number = stream.failure {
                throw .system(name: name, operation: "read", reason: SystemError.text(number))
            }
            throw .emptyFile(name: name)
        }
        stream.rebase(pushingBack: head, limit: nil)
        if let headed = try StreamHead(headOf: stream, name: name) {
            self = headed
            return
        }
        stream.rebase(pushingBack: head, limit: nil)
        if !isCertain {
            head = stream.read(count: ContainerSniff.headBytes)
            if let kind = ContainerSniff.kind(of: head) {
                let wanted =
                    kind.demuxer == nil ? "send a WAV stream, or samples without a header" : Self.remedy
                throw .unsupported(name: name, wanted: wanted, found: kind.name)
            }
            stream.rebase(pushingBack: head, limit: nil)
        }
        self = StreamHead(format: headerless, header: nil)
    }

    /// nil when no header begins here; then at most ``headBytes`` bytes were read.
    private init?(headOf stream: StreamAudioBytes, name: String) throws(CaptureError) {
        guard let header = try SampleHeader.read(stream, name: name) else { return nil }
        guard let format = header.format else {
            throw .unsupported(name: name, wanted: Self.remedy, found: header.encodingName)
        }
        stream.rebase(pushingBack: [], limit: header.knownBytes)
        self = StreamHead(format: format, header: header)
    }

    /// Skips the chunks behind the samples, and reads the header of a stream that follows.
    ///
    /// - Parameter isLive: Whether the stream may never end, so that the rest is not counted.
    /// - Returns: nil at the end.
    /// - Throws: `truncated` when there is something else.
    func following(
        in stream: StreamAudioBytes, isLive: Bool = false, name: String
    ) throws(CaptureError) -> StreamHead? {
        guard let header, header.knownBytes != nil else { return nil }
        stream.rebase(pushingBack: [], limit: nil)
        while true {
            var head = stream.read(count: Self.headBytes)
            while head.first == 0 {
                head = Array(head.drop { $0 == 0 })
                head += stream.read(count: Self.headBytes - head.count)
            }
            if head.count < SoundParts.negligibleBytes { return nil }
            stream.rebase(pushingBack: head, limit: nil)
            if let following = try StreamHead(headOf: stream, name: name) { return following }
            stream.rebase(pushingBack: head, limit: nil)
            if let chunks = header.chunks, let chunk = chunks.head(stream.read(count: chunks.headBytes)),
                ChunkLayout.isSkippable(chunk.id)
            {
                if stream.skip(chunk.size) { continue }
                if ChunkLayout.known.contains(chunk.id) { return nil }
            }
            if isLive { throw .malformed(name: name, detail: "what follows the samples is not a chunk") }
            while !stream.read(count: 1 << 16).isEmpty {}
            throw .truncated(
                name: name,
                detail: "more follows the \(header.statedBytes) bytes of samples in its header: "
                    + "\(stream.offset) bytes that are not a chunk")
        }
    }

    /// As many bytes as tell whether a header begins.
    private static let headBytes = 12

    private static let remedy = "convert it with `ffmpeg -i X -f wav - | astd run --source stdin`"
}
