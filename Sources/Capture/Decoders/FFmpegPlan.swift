/// What to ask of ffmpeg for a file, and what is known about the file that ffmpeg does not notice.
struct FFmpegPlan {
    let demuxer: String
    /// Filters for the sound; nil for none.
    private(set) var filters: String?
    /// Length in seconds, where ffmpeg does not know it.
    private(set) var seconds: Double?
    /// Why the file is not whole.
    private(set) var damage: String?
    /// Whether frames that cannot be decoded are pauses.
    private(set) var hasPauses = false
    /// How long the pauses of a container with AMR can be at most.
    private(set) var mostPauseSeconds = 0.0

    /// - Parameters:
    ///   - demuxer: Of `kind`.
    ///   - bytes: The whole file.
    init(_ kind: AudioFileKind, demuxer: String, _ bytes: FileAudioBytes) {
        self.demuxer = demuxer
        switch kind {
        case .trueHD, .mlp:
            if !CodedFrames(lossless: FileWords(bytes)).areWhole { damage = "the file ends within a frame" }
        case .amr: planAMR(bytes)
        case .asf: damage = JoinedFiles.secondASF(bytes).map(JoinedFiles.damage)
        case .tta: damage = JoinedFiles.secondTrueAudio(bytes).map(JoinedFiles.damage)
        case .threeGP, .m4a, .mp4, .quickTime: planMP4(bytes)
        case .voc, .nist, .avr, .svx:
            if let end = SampleExtent(at: 0, in: bytes)?.end, end > bytes.length {
                damage = "the file has \(bytes.length) of the \(end) bytes in its header"
            }
        default:
            // ffmpeg takes the last page that it finds for the end.
            if demuxer == "ogg" && !OggPages.areWhole(bytes) {
                damage = "the file ends before the last page of its sound"
            }
        }
    }

    /// ffmpeg's decoder of AMR drops the frames of pauses, so that later sound would be too early. The filter
    /// puts silence into gaps of the time stamps.
    private static let fillsPauses = "aresample=async=1:min_hard_comp=0.01"

    private mutating func planAMR(_ bytes: FileAudioBytes) {
        guard let frames = CodedFrames(amr: bytes) else { return }
        if !frames.areWhole { damage = "the file ends within a frame" }
        guard frames.haveComfortNoise else { return }
        let length = Double(frames.count) * CodedFrames.amrSeconds
        (seconds, hasPauses) = (length, true)
        filters = Self.fillsPauses + ":first_pts=0,apad=whole_dur=\(length)"
    }

    private mutating func planMP4(_ bytes: FileAudioBytes) {
        let boxes = MP4Boxes(bytes)
        damage = boxes.secondFile.map(JoinedFiles.damage)
        if !boxes.areWhole { damage = "the file ends within its sound" }
        guard boxes.haveAMR else { return }
        // The length is the container's. No frame is shorter than a byte.
        mostPauseSeconds = Double(bytes.length) * CodedFrames.amrSeconds
        filters = Self.fillsPauses + ":first_pts=0"
    }
}
