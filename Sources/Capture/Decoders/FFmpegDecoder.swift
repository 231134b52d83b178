internal import SystemSupport

/// Decodes what libsndfile cannot read, in an `ffmpeg` process that writes a stream of floats.
///
/// Memory does not depend on the file. The process is killed with the decoder, and when it decodes nothing
/// for ``stallSeconds``.
///
/// Threading: one thread at a time.
final class FFmpegDecoder: AudioDecoder {
    /// Longest time without output.
    static let stallSeconds = 60
    /// By how much a container's length may exceed its sound: codecs drop a part of their first frames, and
    /// containers round.
    static let toleratedSeconds = 0.5

    private(set) var info = DecodedFormat(frames: nil, sampleRateHz: 0, channels: 0)
    private(set) var damage: String?
    private var plan: FFmpegPlan
    private var child: ChildProgram
    private let name: String
    private let stop: StopFlag
    private var log = FFmpegLog()
    private var framesDecoded: Int64 = 0
    /// Frames of silence in place of a pause at the end of the sound.
    private var pauseFrames: Int64 = 0
    private var hasEnded = false

    /// Starts ffmpeg and waits for the format.
    ///
    /// - Parameters:
    ///   - file: A regular file, from its start.
    ///   - kind: The file's kind, which has a demuxer.
    ///   - stop: Ends a wait for ffmpeg; what was decoded then counts as all.
    /// - Throws: `needsFFmpeg`, `noAudioStream`, `malformed`, `unsupported` or `system`.
    init(_ file: OwnedDescriptor, kind: AudioFileKind, name: String, stop: StopFlag) throws(CaptureError) {
        guard let demuxer = kind.demuxer else { preconditionFailure("ffmpeg does not read \(kind.name)") }
        let program: String
        switch FFmpeg.program() {
        case .found(let path): program = path
        case .missing: throw .needsFFmpeg(name: name, kind: kind.name, program: nil)
        case .notAProgram(let path): throw .needsFFmpeg(name: name, kind: kind.name, program: path)
        }
        let bytes = FileAudioBytes(file, size: try file.status(name: name).size)
        plan = FFmpegPlan(kind, demuxer: demuxer, bytes)
        let input = try PipeSpool.reopenable(file, name: name)
        child = try Self.start(program, plan, input, kind, name)
        self.name = name
        self.stop = stop
        try readHeader(kind)
        // Only ffmpeg's list of streams says that a container holds AMR.
        if log.isAMR && FFmpegPlan.timedContainers.contains(kind) {
            plan.fillPauses(of: bytes)
            log = FFmpegLog()
            child = try Self.start(program, plan, input, kind, name)
            try readHeader(kind)
        }
        try info.requireSupported(name: name)
    }

    private static func start(
        _ program: String, _ plan: FFmpegPlan, _ input: OwnedDescriptor, _ kind: AudioFileKind, _ name: String
    ) throws(CaptureError) -> ChildProgram {
        do throws(ChildError) {
            return try ChildProgram(
                path: program, arguments: FFmpeg.arguments(demuxer: plan.demuxer, filters: plan.filters),
                environment: FFmpeg.environment(), input: input.number, limits: FFmpeg.limits)
        } catch {
            if error.isNoProgram { throw .needsFFmpeg(name: name, kind: kind.name, program: program) }
            throw .system(name: name, operation: "start ffmpeg", reason: error.description)
        }
    }

    var fractionRead: Double {
        guard let promised = promisedSeconds, promised > 0 else { return hasEnded ? 1 : 0 }
        return min(1, secondsDecoded / promised)
    }

    func read(into target: UnsafeMutablePointer<Float>, frames: Int) throws(CaptureError) -> Int {
        let frameBytes = info.channels * MemoryLayout<Float>.size
        let got = try fill(UnsafeMutableRawPointer(target), count: frames * frameBytes) / frameBytes
        framesDecoded += Int64(got)
        if got == frames { return got }
        recordEnd()
        let silent = Int(min(pauseFrames, Int64(frames - got)))
        (target + got * info.channels).update(repeating: 0, count: silent * info.channels)
        pauseFrames -= Int64(silent)
        framesDecoded += Int64(silent)
        return got + silent
    }

    private var promisedSeconds: Double? { plan.seconds ?? log.promisedSeconds }

    private var secondsDecoded: Double { Double(framesDecoded) / Double(max(1, info.sampleRateHz)) }

    private func readHeader(_ kind: AudioFileKind) throws(CaptureError) {
        var failure: CaptureError?
        let bytes = ReadAudioBytes { target, count in
            do throws(CaptureError) { return try self.fill(target, count: count) } catch { failure = error }
            return 0
        }
        do throws(CaptureError) {
            guard let header = try SampleHeader.read(bytes, name: name)?.format else {
                throw reasonOfFailure(kind)
            }
            info.sampleRateHz = header.sampleRateHz
            info.channels = header.channels
            info.tracks = max(1, log.audioStreams)
        } catch {
            throw failure ?? error
        }
    }

    /// Why ffmpeg ended without a header.
    private func reasonOfFailure(_ kind: AudioFileKind) -> CaptureError {
        recordEnd()
        if log.hasListedStreams && log.audioStreams == 0 {
            return .noAudioStream(name: name, kind: kind.name)
        }
        let detail = log.lastError.map { "ffmpeg: \($0)" } ?? damage ?? "ffmpeg found no sound"
        if detail.hasPrefix("ffmpeg: Decoder (codec ") || detail.contains("Decoder not found") {
            return .unsupported(
                name: name, wanted: "install an ffmpeg that has the decoder",
                found: "an unknown codec (\(detail))")
        }
        return .malformed(name: name, detail: detail)
    }

    /// Reads bytes of the output, fewer only at its end.
    private func fill(_ target: UnsafeMutableRawPointer, count: Int) throws(CaptureError) -> Int {
        var done = 0
        while done < count && !hasEnded {
            guard try waitForOutput() else { break }
            let got = child.readOutput(into: target + done, count: count - done)
            if got <= 0 { break }
            done += got
        }
        return done
    }

    /// Waits for output, and reads the messages meanwhile.
    ///
    /// - Returns: False when the source is stopped.
    private func waitForOutput() throws(CaptureError) -> Bool {
        let pollMilliseconds: Int32 = 100  // between checks of the stop flag
        // Counts polls, not time: a suspended machine does not stall.
        var idlePolls = 0
        while !stop.isRaised {
            switch child.wait(milliseconds: pollMilliseconds) {
            case .output: return true
            case .errors: if let bytes = child.readErrors() { log.append(bytes) }
            case .nothing:
                idlePolls += 1
                if idlePolls * Int(pollMilliseconds) >= Self.stallSeconds * 1000 {
                    throw .system(
                        name: name, operation: "decode with ffmpeg",
                        reason: "no sound for \(Self.stallSeconds) s")
                }
            }
        }
        return false
    }

    /// The output has ended: checks how ffmpeg ended, what it reported, and how much it decoded.
    private func recordEnd() {
        guard !hasEnded else { return }
        hasEnded = true
        if stop.isRaised { return }
        while child.wait(milliseconds: 10_000) == .errors, let bytes = child.readErrors() {
            log.append(bytes)
        }
        switch child.exit(milliseconds: 10_000) {
        case .status(0):
            let hasPauses = plan.hasPauses || log.hasComfortNoise
            damage = (hasPauses ? log.containerDamage : log.damage).map { "ffmpeg: \($0)" }
        case .status(let status): damage = "ffmpeg: \(log.lastError ?? "exit status \(status)")"
        case .signal(let signal): damage = "ffmpeg was ended by signal \(signal)"
        }
        damage = damage ?? plan.damage
        guard damage == nil else { return }
        guard let promised = promisedSeconds else {
            damage = plan.cut
            return
        }
        if log.hasComfortNoise, secondsDecoded < promised, promised <= plan.mostPauseSeconds {
            damage = plan.cut
            pauseFrames =
                damage == nil ? Int64((promised * Double(info.sampleRateHz)).rounded()) - framesDecoded : 0
        } else if secondsDecoded + Self.toleratedSeconds < promised {
            damage = "\(Self.text(secondsDecoded)) s of \(Self.text(promised)) s could be decoded"
        }
    }

    /// Seconds with two decimals.
    private static func text(_ seconds: Double) -> String {
        let hundredths = Int((seconds * 100).rounded())
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }
}
