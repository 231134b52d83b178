private import SystemSupport

/// Reads any audio file as 16 kHz mono samples, a block at a time, in constant memory.
///
/// Channels become their mean unless one of them is selected; other rates are resampled (soxr, high quality,
/// delay compensated), so `n` frames make `round(n * 16000 / rate)` samples. A 16 kHz mono file comes out bit
/// for bit; 16-bit samples are x / 32768. WAV, FLAC, Ogg (Vorbis, Opus, FLAC), MP3, AIFF, AU, CAF and what
/// else libsndfile reads; where ffmpeg is installed also the other kinds of ``AudioFileKind``; up to 64
/// channels, 1 to 768 kHz. A file of several parts, such as joined MP3s, is read to the end of the last one;
/// each part is resampled by itself.
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
    /// What is missing, when the file ends before the length in its header or last packet, is damaged, or
    /// has more sound that cannot be read; known at the end. Everything that can be decoded is read.
    public private(set) var shortage: CaptureError?

    /// Whether there is a ``shortage``.
    public var isTruncated: Bool { shortage != nil }

    /// Length in seconds, according to the header; nil when the header does not say.
    public var durationSeconds: Double? { frames.map { Double($0) / Double(sampleRateHz) } }

    /// The fraction of the file that was read, 0...1, also when no header states a length.
    public var fractionRead: Double { decoder.fractionRead }

    /// nil for a stream, and for a file that ffmpeg decodes.
    private let parts: SoundParts?
    private var part: SoundParts.Part
    private var decoder: any AudioDecoder { part.decoder }
    private var resampler: Resampler?
    /// SAFETY: allocated in init and for another part, freed in deinit, used by one thread at a time:
    /// `blockFrames` frames as decoded, and the mono samples made of them, of which `monoStart..<monoEnd` are
    /// not resampled yet.
    private var interleaved: UnsafeMutablePointer<Float>
    private let mono: UnsafeMutablePointer<Float>
    private let blockFrames: Int
    private var monoStart = 0
    private var monoEnd = 0
    /// Frames of the part.
    private var framesRead: Int64 = 0
    /// Of the parts that were read to their end.
    private var secondsBefore = 0.0
    private var damageAtEnd: String?
    private var mixer = ChannelMixer()
    /// nil for a stream.
    private var file: (descriptor: OwnedDescriptor, size: Int64)?
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

    /// The number of this process's own descriptor that a path names, if it is that of a pipe or socket:
    /// `/dev/stdin`, `/dev/fd/63`. Not for paths from untrusted clients.
    public static func openStream(path: String) -> Int32? {
        let prefixes = ["/dev/fd/", "/proc/self/fd/"]
        let number =
            path == "/dev/stdin"
            ? 0 : prefixes.first(where: path.hasPrefix).flatMap { Int32(path.dropFirst($0.utf8.count)) }
        guard let number, let found = try? OwnedDescriptor.duplicate(number, name: path), found.1.isStream
        else { return nil }
        return number
    }

    private convenience init(
        file: OwnedDescriptor, size: Int64, name: String, stop: StopFlag = StopFlag()
    ) throws(CaptureError) {
        guard size > 0 else { throw .emptyFile(name: name) }
        if let ffmpeg = try FFmpegDecoder.forForeignKind(file, size: size, name: name, stop: stop) {
            try self.init(.init(whole: ffmpeg), of: nil, blockFrames: Self.blockFrames, name: name)
            self.file = (file, size)
            return
        }
        let parts = SoundParts(file, size: size, name: name)
        var first: SoundParts.Part?
        do throws(CaptureError) {
            first = try parts.next()
            while let part = first, part.statedFrames == 0 { first = try parts.next() }
        } catch {
            let ffmpeg = try FFmpegDecoder.afterFailure(error, file, size: size, name: name, stop: stop)
            try self.init(.init(whole: ffmpeg), of: nil, blockFrames: Self.blockFrames, name: name)
            self.file = (file, size)
            return
        }
        guard let first else { throw .noFrames(name: name) }
        try self.init(first, of: parts, blockFrames: Self.blockFrames, name: name)
        self.file = (file, size)
    }

    private static let blockFrames = 4096

    /// Reads a stream without a header, or whose header was read already.
    convenience init(stream: StreamAudioBytes, format: SampleFormat, name: String) throws(CaptureError) {
        let part = SoundParts.Part(whole: try SndfileDecoder(stream, format: format, name: name))
        let blockFrames = max(1, format.sampleRateHz / 50)  // 20 ms: it is live
        try self.init(part, of: nil, blockFrames: blockFrames, name: name)
    }

    private init(
        _ part: SoundParts.Part, of parts: SoundParts?, blockFrames: Int, name: String
    ) throws(CaptureError) {
        let info = part.decoder.info
        resampler = try Self.resampler(from: info.sampleRateHz, name: name)
        self.parts = parts
        self.part = part
        self.name = name
        self.blockFrames = blockFrames
        sampleRateHz = info.sampleRateHz
        channels = info.channels
        frames = part.statedFrames
        interleaved = .allocate(capacity: blockFrames * info.channels)
        mono = .allocate(capacity: blockFrames)
    }

    private static func resampler(from rate: Int, name: String) throws(CaptureError) -> Resampler? {
        rate == CaptureFormat.sampleRateHz ? nil : try Resampler(from: rate, name: name)
    }

    deinit {
        interleaved.deallocate()
        mono.deallocate()
    }

    /// Reads one channel instead of the mean of all. To be called before the first read.
    ///
    /// - Parameter number: Counted from 1.
    /// - Throws: `noSuchChannel`.
    public func select(channel number: Int) throws(CaptureError) {
        guard (1...channels).contains(number) else {
            throw .noSuchChannel(name: name, wanted: number, available: channels)
        }
        mixer.channel = number
    }

    /// Opens the same file once more, to read it from its start.
    ///
    /// - Throws: As ``init(path:)``.
    public func reopened() throws(CaptureError) -> AudioFileReader {
        guard let file else { throw .notRegularFile(path: name, found: "a stream") }
        return try AudioFileReader(file: file.descriptor, size: file.size, name: name)
    }

    /// Why the mean of the channels does not represent them: it is much quieter than the loudest channel for
    /// a second or half of what was read. nil when it does, or when a channel was selected.
    public var mixWarning: String? { quietMix.map { $0 + "; classify one of them with --channel" } }

    /// ``mixWarning`` without what to do about it.
    var quietMix: String? {
        let seconds = mixer.quietSeconds
        guard seconds > 0, seconds >= min(1, secondsBefore / 2) else {
            return nil
        }
        return PathText.printable(
            "\(name): the mean of its \(channels) channels is more than 20 dB quieter than the loudest channel "
                + "for \((seconds * 10).rounded() / 10) s: the channels cancel each other, or most are silent"
        )
    }

    /// What is not read of a file with several audio tracks; nil where there is one.
    public var trackWarning: String? {
        let tracks = decoder.info.tracks
        guard tracks > 1 else { return nil }
        return PathText.printable(
            "\(name) has \(tracks) audio tracks, of which only the first is read: extract another one with "
                + "ffmpeg -map 0:a:1")
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
                if hasEnded && waiting.isEmpty && produced == 0 {
                    if try !openNextPart() { break }
                }
            } else {
                let copied = min(rest.count, waiting.count)
                _ = rest.update(fromContentsOf: waiting.prefix(copied))
                monoStart += copied
                count += copied
                if hasEnded && waiting.isEmpty {
                    if try !openNextPart() { break }
                }
            }
        }
        return count
    }

    /// Decodes the next block and mixes it down.
    private func fillMono() throws(CaptureError) {
        monoStart = 0
        monoEnd = try decoder.read(into: interleaved, frames: blockFrames)
        if monoEnd < blockFrames { try recordEnd(lastBlock: monoEnd) }
        mixer.mix(
            interleaved, channels: decoder.info.channels, frames: monoEnd,
            rateHz: decoder.info.sampleRateHz, into: mono)
        for frame in 0..<monoEnd where !CaptureFormat.isUsable(mono[frame]) {
            throw .nonFinite(name: name, frame: framesRead + Int64(frame), value: "\(mono[frame])")
        }
        framesRead += Int64(monoEnd)
    }

    /// The decoder returned fewer frames than requested: checks whether that is the end that the header
    /// states.
    private func recordEnd(lastBlock: Int) throws(CaptureError) {
        hasEnded = true
        let total = framesRead + Int64(lastBlock)
        let seconds = secondsBefore + Double(total) / Double(decoder.info.sampleRateHz)
        let read = "\(Self.text(seconds)) s were read"
        if let stated = part.statedFrames, total < stated {
            let whole = secondsBefore + Double(stated) / Double(decoder.info.sampleRateHz)
            record("\(read) of the \(Self.text(whole)) s in its header")
        } else if let reason = part.cutOff {
            record("\(read), and \(reason)")
        } else if let damage = decoder.damage {
            damageAtEnd = "only \(read): \(damage)"
        }
        secondsBefore = seconds
    }

    /// - Returns: false at the end of the file.
    private func openNextPart() throws(CaptureError) -> Bool {
        let next = try parts?.next()
        // A decoder also fails at tags between two parts, behind all of the sound that the header states.
        if let damageAtEnd, next == nil || part.statedFrames == nil { record(damageAtEnd) }
        damageAtEnd = nil
        if let rest = parts?.rest {
            record(
                "\(Self.text(secondsBefore)) s were read, and more sound follows: \(rest.count) bytes at byte "
                    + "\(rest.lowerBound) that cannot be read")
        }
        guard let next else {
            if secondsBefore > 0 { return false }
            if let damage = decoder.damage { throw .malformed(name: name, detail: damage) }
            throw .noFrames(name: name)
        }
        if let channel = mixer.channel, channel > next.decoder.info.channels {
            throw .noSuchChannel(name: name, wanted: channel, available: next.decoder.info.channels)
        }
        interleaved.deallocate()
        interleaved = .allocate(capacity: blockFrames * next.decoder.info.channels)
        resampler = try Self.resampler(from: next.decoder.info.sampleRateHz, name: name)
        part = next
        framesRead = 0
        hasEnded = false
        return true
    }

    /// The first shortage is the one that explains the others.
    private func record(_ detail: String) {
        if shortage == nil { shortage = .truncated(name: name, detail: detail) }
    }

    /// Seconds to the millisecond.
    private static func text(_ seconds: Double) -> String { "\((seconds * 1000).rounded() / 1000)" }
}
