/// Which files ffmpeg decodes: those of kinds that libsndfile does not know, and what libsndfile rejects.
extension FFmpegDecoder {
    /// A decoder for a file of a kind that libsndfile does not read; nil when libsndfile is to be tried.
    ///
    /// - Parameters:
    ///   - size: The file's length in bytes.
    ///   - stop: Ends a wait for ffmpeg.
    /// - Throws: As the initialiser.
    static func forForeignKind(
        _ file: OwnedDescriptor, size: Int64, name: String, stop: StopFlag
    ) throws(CaptureError) -> FFmpegDecoder? {
        guard let kind = ContainerSniff.kind(of: FileAudioBytes(file, size: size)),
            case .ffmpeg = kind.decoder
        else { return nil }
        return try FFmpegDecoder(file, kind: kind, name: name, stop: stop)
    }

    /// A decoder for a file that libsndfile has rejected.
    ///
    /// - Parameter error: libsndfile's error.
    /// - Throws: The error that says more: libsndfile's where it knows the file, or where ffmpeg cannot help.
    static func afterFailure(
        _ error: CaptureError, _ file: OwnedDescriptor, size: Int64, name: String, stop: StopFlag
    ) throws(CaptureError) -> FFmpegDecoder {
        let bytes = FileAudioBytes(file, size: size)
        guard let kind = ContainerSniff.kind(of: bytes), kind.demuxer != nil else { throw error }
        let isUnrecognised = if case .notAudio = error { true } else { false }
        let mayHelp =
            switch error {
            case .notAudio, .malformed: true
            case .unsupported(_, let wanted, _): wanted == SndfileDecoder.conversionAdvice
            default: false
            }
        guard mayHelp else { throw error }
        do throws(CaptureError) {
            return try FFmpegDecoder(file, kind: kind, name: name, stop: stop)
        } catch let second {
            if case .needsFFmpeg(_, _, let program) = second, let encoding = foreignEncoding(bytes) {
                throw .needsFFmpeg(name: name, kind: "\(kind.name) (\(encoding))", program: program)
            }
            // libsndfile calls some whole Ogg files with FLAC damaged.
            let isWholeOgg = kind.demuxer == "ogg" && OggPages.areWhole(bytes)
            throw isUnrecognised || isWholeOgg ? second : error
        }
    }

    /// The encoding of a sound file whose header is whole; libsndfile calls one that it does not know
    /// damaged.
    private static func foreignEncoding(_ bytes: FileAudioBytes) -> String? {
        _ = bytes.seek(to: 0)
        guard let header = try? SampleHeader.read(bytes, name: ""), header.format == nil else { return nil }
        return header.encodingName
    }
}
