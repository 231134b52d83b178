/// Which files ffmpeg decodes: those of kinds that libsndfile does not know, and what libsndfile rejects.
extension FFmpegDecoder {
    private static let endsEarly = "the file ends before the last page of its sound"

    /// A decoder for a file of a kind that libsndfile does not read; nil when libsndfile is to be tried.
    ///
    /// - Parameters:
    ///   - size: The file's length in bytes.
    ///   - stop: Ends a wait for ffmpeg.
    /// - Throws: As the initialiser.
    static func forForeignKind(
        _ file: OwnedDescriptor, size: Int64, name: String, stop: StopFlag
    ) throws(CaptureError) -> FFmpegDecoder? {
        let bytes = FileAudioBytes(file, size: size)
        guard let kind = ContainerSniff.kind(of: bytes), case .ffmpeg(let demuxer) = kind.decoder else {
            return nil
        }
        let decoder = try FFmpegDecoder(file, kind: kind, name: name, stop: stop)
        // ffmpeg takes the last page that it finds for the end.
        if demuxer == "ogg" && !OggPages.areWhole(bytes) {
            decoder.knownDamage = endsEarly
        }
        return decoder
    }

    /// A decoder for a file that libsndfile has rejected.
    ///
    /// - Parameter error: libsndfile's error.
    /// - Throws: The error that says more: libsndfile's where it knows the file, or where ffmpeg cannot help.
    static func afterFailure(
        _ error: CaptureError, _ file: OwnedDescriptor, size: Int64, name: String, stop: StopFlag
    ) throws(CaptureError) -> FFmpegDecoder {
        guard let kind = ContainerSniff.kind(of: FileAudioBytes(file, size: size)), kind.demuxer != nil else {
            throw error
        }
        let isUnrecognised = if case .notAudio = error { true } else { false }
        let mayHelp =
            switch error {
            case .notAudio, .malformed: true
            case .unsupported(_, let wanted, _): wanted == SndfileDecoder.conversionAdvice
            default: false
            }
        guard mayHelp else { throw error }
        // libsndfile calls some whole Ogg files with FLAC damaged.
        let isOgg = kind.demuxer == "ogg"
        let isWholeOgg = isOgg && OggPages.areWhole(FileAudioBytes(file, size: size))
        do throws(CaptureError) {
            let decoder = try FFmpegDecoder(file, kind: kind, name: name, stop: stop)
            if isOgg && !isWholeOgg { decoder.knownDamage = endsEarly }
            return decoder
        } catch let second {
            throw isUnrecognised || isWholeOgg ? second : error
        }
    }
}
