/// Reads any audio file as 16 kHz mono samples, a block at a time, in constant memory.
///
/// Channels become their mean; other rates are resampled (soxr, high quality, delay compensated), so `n`
/// frames make `round(n * 16000 / rate)` samples. A 16 kHz mono file comes out bit for bit; 16-bit samples
/// are x / 32768. WAV, FLAC, Ogg (Vorbis, Opus, FLAC), MP3, AIFF, AU, CAF and whatever else libsndfile reads;
/// where ffmpeg is installed also the other kinds of ``AudioFileKind``; up to 64 channels, 1 to 768 kHz.
///
/// Threading: one thread at a time.
public final class AudioFileReader {
    /// For messages: the path, or the name given with a descriptor.
    public let name: String
    /// The file's own rate in Hz.
    public let sampleRateHz: Int
    /// The file's own number of channels.
    public let channels: Int
    /// Length in frames at the file's own rate, according to its header; nil when the header does not say.
    public let frames: Int64?
    /// What is missing, when the file ends before the length in its header or last packet, or is damaged.
    /// Everything that can be decoded is read. Some formats reveal it only at the end.
    public private(set) var shortage: CaptureError?
    /// Whether there is a ``shortage``.
    public var isTruncated: Bool { shortage != nil }

    /// Length in seconds, according to the header; nil when the header does not say.
    public var durationSeconds: Double? { frames.map { Double($0) / Double(sampleRateHz) } }

    /// The fraction of the file that was read, 0...1, also when no header states a length.
    public var fractionRead: Double { decoder.fractionRead }

    private let decoder: any AudioDecoder
    private let resampler: Resampler?
    /// SAFETY: allocated in init, freed in deinit, used by one thread at a time: `blockFrames` frames as
    /// decoded, and the mono samples made of them, of which `monoStart..<monoEnd` are not resampled yet.
    private let interleaved: UnsafeMutablePointer<Float>
    private let mono: UnsafeMutablePointer<Float>
    private let blockFrames: Int
    private var monoStart = 0
    private var monoEnd = 0
    private var framesRead: Int64 = 0
    private var hasEnded = false

    /// Opens a regular file. Rejects pipes and devices without blocking.
    ///
    /// - Throws: `fileNotFound`, `permissionDenied`, `isDirectory`, `notRegularFile`, `emptyFile`,
    ///   `noFrames`, `notAudio`, `malformed`, `unsupported`, `needsFFmpeg`, `noAudioStream` or `system`.
    public convenience init(path: String) throws(CaptureError) { try self.init(path: path, stop: StopFlag()) }

    /// - Parameter stop: Ends a wait for a decoder; what was decoded until then counts as all.
    convenience init(path: String, stop: StopFlag) throws(CaptureError) {
        let (descriptor, status) = try OwnedDescriptor.open(path: path)
        try self.init(file: descriptor, size: status.size, name: path, stop: stop)
    }

    /// Reads from an open file, from its start and without moving its offset.
    ///
    /// - Parameters:
    ///   - descriptor: Remains the caller's; it is duplicated.
    ///   - name: For messages.
    ///   - spoolsPipes: Whether a pipe or socket is first read to its end, into a temporary file. That blocks
    ///     until the writer has finished: not for descriptors from untrusted clients.
    /// - Throws: As ``init(path:)``.
    public convenience init(descriptor: Int32, name: String, spoolsPipes: Bool = true) throws(CaptureError) {
        let (owned, status) = try OwnedDescriptor.duplicate(descriptor, name: name)
        guard owned.isReadable else {
            throw .system(name: name, operation: "read", reason: "it was not opened for reading")
        }
        guard let kind = status.otherKind else {
            try self.init(file: owned, size: status.size, name: name)
            return
        }
        if kind == "a folder" { throw .isDirectory(path: name) }
        guard status.isStream && spoolsPipes else { throw .notRegularFile(path: name, found: kind) }
        let (file, size) = try PipeSpool.spool(owned, name: name)
        try self.init(file: file, size: size, name: name)
    }

    private convenience init(
        file: OwnedDescriptor, size: Int64, name: String, stop: StopFlag = StopFlag()
    ) throws(CaptureError) {
        guard size > 0 else { throw .emptyFile(name: name) }
        if let ffmpeg = try FFmpegDecoder.forForeignKind(file, size: size, name: name, stop: stop) {
            try self.init(ffmpeg, isTruncated: false, blockFrames: Self.blockFrames, name: name)
            return
        }
        let decoder: SndfileDecoder
        do throws(CaptureError) {
            decoder = try SndfileDecoder(FileAudioBytes(file, size: size), format: nil, name: name)
        } catch {
            let ffmpeg = try FFmpegDecoder.afterFailure(error, file, size: size, name: name, stop: stop)
            try self.init(ffmpeg, isTruncated: false, blockFrames: Self.blockFrames, name: name)
            return
        }
        if decoder.info.frames == 0 { throw .noFrames(name: name) }
        // The last page of an Ogg file contains its length; a file without that page is truncated.
        let isCutOff = decoder.isOgg && decoder.info.frames == nil
        // A second view of the same file leaves the decoder's offset alone.
        let isTruncated = isCutOff || PromisedLength.isCutOff(FileAudioBytes(file, size: size))
        try self.init(decoder, isTruncated: isTruncated, blockFrames: Self.blockFrames, name: name)
    }

    private static let blockFrames = 4096
    private static let endsEarly = "it ends before the length in its header"

    /// Reads a stream without a header, or whose header was read already.
    convenience init(stream: StreamAudioBytes, format: WAVHeader, name: String) throws(CaptureError) {
        let decoder = try SndfileDecoder(stream, format: format, name: name)
        let blockFrames = max(1, decoder.info.sampleRateHz / 50)  // 20 ms: it is live
        try self.init(decoder, isTruncated: false, blockFrames: blockFrames, name: name)
    }

    private init(
        _ decoder: any AudioDecoder, isTruncated: Bool, blockFrames: Int, name: String
    ) throws(CaptureError) {
        let rate = decoder.info.sampleRateHz
        resampler = rate == CaptureFormat.sampleRateHz ? nil : try Resampler(from: rate, name: name)
        self.decoder = decoder
        self.name = name
        if isTruncated { shortage = .truncated(name: name, detail: Self.endsEarly) }
        self.blockFrames = blockFrames
        sampleRateHz = rate
        channels = decoder.info.channels
        frames = decoder.info.frames
        interleaved = .allocate(capacity: blockFrames * decoder.info.channels)
        mono = .allocate(capacity: blockFrames)
    }

    deinit {
        interleaved.deallocate()
        mono.deallocate()
    }

    /// Reads the next samples, filling the buffer unless the file ends.
    ///
    /// - Parameter buffer: Room for at least one 16 kHz sample.
    /// - Returns: Samples read; 0 at the end.
    /// - Throws: `nonFinite` at an unusable sample, `noFrames` when a file without a stated length has no
    ///   samples, `malformed` when nothing could be decoded, `system` when the file could not be read.
    public func read(into buffer: UnsafeMutableBufferPointer<Float>) throws(CaptureError) -> Int {
        precondition(!buffer.isEmpty, "the buffer has no room")
        var count = 0
        while count < buffer.count {
            if monoStart == monoEnd && !hasEnded { try fillMono() }
            let rest = UnsafeMutableBufferPointer(rebasing: buffer[count...])
            let waiting = UnsafeBufferPointer(start: mono + monoStart, count: monoEnd - monoStart)
            if let resampler {
                let (consumed, produced) = resampler.process(waiting.isEmpty ? nil : waiting, into: rest)
                monoStart += consumed
                count += produced
                if hasEnded && waiting.isEmpty && produced == 0 { break }
            } else {
                let copied = min(rest.count, waiting.count)
                _ = rest.update(fromContentsOf: waiting.prefix(copied))
                monoStart += copied
                count += copied
                if hasEnded && waiting.isEmpty { break }
            }
        }
        return count
    }

    /// Decodes the next block and mixes it down.
    private func fillMono() throws(CaptureError) {
        monoStart = 0
        monoEnd = try decoder.read(into: interleaved, frames: blockFrames)
        if monoEnd < blockFrames { try recordEnd(lastBlock: monoEnd) }
        let scale = Float(channels)
        for frame in 0..<monoEnd {
            let first = interleaved + frame * channels
            var value = first[0]
            if channels > 1 {
                for channel in 1..<channels { value += first[channel] }
                value /= scale
            }
            if !CaptureFormat.isUsable(value) {
                throw .nonFinite(name: name, frame: framesRead + Int64(frame), value: "\(value)")
            }
            mono[frame] = value
        }
        framesRead += Int64(monoEnd)
    }

    /// The decoder returned fewer frames than requested: checks whether that is the end that the header
    /// states.
    private func recordEnd(lastBlock: Int) throws(CaptureError) {
        hasEnded = true
        let total = framesRead + Int64(lastBlock)
        if let damage = decoder.damage {
            if total == 0 { throw .malformed(name: name, detail: damage) }
            shortage = .truncated(name: name, detail: damage)
        }
        if let frames, total < frames {
            shortage = shortage ?? .truncated(name: name, detail: Self.endsEarly)
        }
        if total == 0 { throw .noFrames(name: name) }
    }
}
