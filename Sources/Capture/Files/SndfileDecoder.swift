private import CSndfile
import Synchronization
private import SystemSupport

/// Decodes audio of any format that libsndfile reads into frames of interleaved floats.
///
/// Threading: one thread at a time.
final class SndfileDecoder: AudioDecoder {
    let info: DecodedFormat
    private let bytes: AudioBytes
    private let name: String
    private let handle: OpaquePointer
    /// See ``trimsEnd(at:)``; nil without such a frame, or after it.
    private var trimFrame: Int64?
    private var isTrimmed = false
    private var framesRead: Int64 = 0
    /// Interleaved samples behind that frame, decoded to find out whether they are padding.
    private var behindTrim: [Float] = []

    /// libsndfile stores the reason of a failed open in a global variable, and its MP3 decoder initialises
    /// itself on first use: one open at a time.
    private static let opening = Mutex<Void>(())

    /// For audio in an encoding that libsndfile does not know.
    static let conversionAdvice = "install ffmpeg (apt install ffmpeg), or convert it to FLAC or WAV"

    /// Opens a decoder.
    ///
    /// - Parameters:
    ///   - bytes: What to decode, from offset 0.
    ///   - format: Format of headerless samples; nil to read it from a header.
    ///   - name: For messages.
    /// - Throws: `notAudio`, `malformed`, `unsupported` or `system`.
    init(_ bytes: AudioBytes, format: SampleFormat?, name: String) throws(CaptureError) {
        if let format {
            let (channels, rate) = (format.channels, format.sampleRateHz)
            try DecodedFormat(frames: nil, sampleRateHz: rate, channels: channels)
                .requireSupported(name: name)
        }
        var opened = SndfileIO.Opened.failed(number: 0, wording: "")
        Self.opening.withLock { _ in
            LibraryMessages.dropped { opened = Self.open(bytes, format: format) }
        }
        switch opened {
        case .failed(let number, let wording):
            throw Self.reason(number: number, wording: wording, bytes: bytes, name: name)
        case .opened(let handle, let info):
            let format = DecodedFormat(
                frames: info.frames, sampleRateHz: info.sampleRateHz, channels: info.channels)
            do throws(CaptureError) {
                try format.requireSupported(name: name)
            } catch {
                sf_close(handle)
                throw error
            }
            self.handle = handle
            self.info = format
            self.bytes = bytes
            self.name = name
        }
    }

    deinit {
        // SAFETY: opened in init, closed nowhere else; `bytes` is still alive.
        _ = Self.opening.withLock { _ in sf_close(handle) }
    }

    /// - Throws: `system` when the bytes could not be read.
    func read(into target: UnsafeMutablePointer<Float>, frames: Int) throws(CaptureError) -> Int {
        guard trimFrame != nil || !behindTrim.isEmpty else { return try decode(into: target, frames: frames) }
        var done = 0
        if let trimFrame {
            done = try decode(into: target, frames: Int(clamping: min(Int64(frames), trimFrame - framesRead)))
            framesRead += Int64(done)
            if framesRead < trimFrame { return done }
            try readBehindTrim()
        }
        let channels = info.channels
        let kept = min(frames - done, behindTrim.count / channels)
        for index in 0..<kept * channels { target[done * channels + index] = behindTrim[index] }
        behindTrim.removeFirst(kept * channels)
        done += kept
        if done < frames && !isTrimmed {
            done += try decode(into: target + done * channels, frames: frames - done)
        }
        return done
    }

    /// Makes the sound end at a frame, where an encoder's padding begins, unless so much more follows that
    /// the stated length must be wrong.
    func trimsEnd(at frame: Int64) { trimFrame = frame }

    /// The longest packet of Vorbis; of Opus it is shorter.
    private static let longestPadding = 8192

    private func readBehindTrim() throws(CaptureError) {
        trimFrame = nil
        var more = [Float](repeating: 0, count: Self.longestPadding * info.channels)
        let got = try more.withUnsafeMutableBufferPointer { buffer throws(CaptureError) in
            guard let target = buffer.baseAddress else { return 0 }
            return try decode(into: target, frames: Self.longestPadding)
        }
        isTrimmed = got < Self.longestPadding
        behindTrim = isTrimmed ? [] : more
    }

    private func decode(into target: UnsafeMutablePointer<Float>, frames: Int) throws(CaptureError) -> Int {
        // libmpg123 prints warnings on the terminal.
        let got = LibraryMessages.dropped { Int(max(0, sf_readf_float(handle, target, Int64(frames)))) }
        if let number = bytes.failure {
            throw .system(name: name, operation: "read", reason: SystemError.text(number))
        }
        return got
    }

    /// By bytes: some headers do not state a length in frames.
    var fractionRead: Double {
        let (read, length) = bytes.position
        return min(1, max(0, Double(read) / Double(max(1, length))))
    }

    /// The decoder's message for the error that stopped it; nil when there was none.
    var damage: String? { sf_error(handle) == 0 ? nil : String(cString: sf_strerror(handle)) }

    /// Opens a decoder; hides the end of an MP3, so that it is read completely.
    ///
    /// libsndfile estimates the length of an MP3 from its first frame and stops there, which truncates files
    /// of variable bit rate. It makes no estimate when it cannot see the file's end.
    private static func open(_ bytes: AudioBytes, format: SampleFormat?) -> SndfileIO.Opened {
        let first = open(bytes, format: format, hidesEnd: false)
        guard case .opened(let handle, let info) = first, info.isMPEG else { return first }
        let second = open(bytes, format: format, hidesEnd: true)
        if case .opened(let other, let found) = second {
            if found.frames == nil {
                sf_close(handle)
                return second
            }
            sf_close(other)
        }
        sf_close(handle)
        return open(bytes, format: format, hidesEnd: false)
    }

    private static func open(_ bytes: AudioBytes, format: SampleFormat?, hidesEnd: Bool) -> SndfileIO.Opened {
        bytes.hidesEnd = hidesEnd
        _ = bytes.seek(to: 0)
        return SndfileIO.open(bytes, format: format)
    }

    private static func reason(
        number: Int32, wording: String, bytes: AudioBytes, name: String
    ) -> CaptureError {
        if let failed = bytes.failure {
            return .system(name: name, operation: "read", reason: SystemError.text(failed))
        }
        let detail = String(wording.prefix { $0 != "\n" }.reversed().drop { ". ".contains($0) }.reversed())
        switch number {
        case SndfileIO.unrecognisedFormat:
            _ = bytes.seek(to: 0)
            let head = bytes.read(count: ContainerSniff.headBytes)
            let found = ContainerSniff.description(of: head)
            return .notAudio(name: name, found: found)
        case SndfileIO.unsupportedEncoding:
            return .unsupported(
                name: name, wanted: conversionAdvice, found: detail)
        default:
            return .malformed(name: name, detail: detail)
        }
    }
}
