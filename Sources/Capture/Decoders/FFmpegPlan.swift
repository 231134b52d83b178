/// What to ask of ffmpeg for a file, and what is known about the file that ffmpeg does not notice.
struct FFmpegPlan {
    let demuxer: String
    /// Filters for the sound; nil for none.
    private(set) var filters: String?
    /// Length in seconds, where ffmpeg does not know it.
    private(set) var seconds: Double?
    /// Why the file is not whole.
    private(set) var damage: String?
    /// Why a file may not be whole whose length in seconds says nothing about it.
    let cut: String?
    /// Whether frames that cannot be decoded are pauses.
    private(set) var hasPauses = false
    /// How long the pauses of a container with AMR can be at most.
    private(set) var mostPauseSeconds = 0.0

    /// - Parameters:
    ///   - demuxer: Of `kind`.
    ///   - bytes: The whole file.
    init(_ kind: AudioFileKind, demuxer: String, _ bytes: FileAudioBytes) {
        self.demuxer = demuxer
        cut = StatedEnd.of(kind, bytes).flatMap { Self.missing(bytes.length, of: $0) }
        switch kind {
        case .trueHD, .mlp:
            if !CodedFrames(lossless: FileWords(bytes)).areWhole { damage = "the file ends within a frame" }
        case .amr: planAMR(bytes)
        case .asf: damage = JoinedFiles.secondASF(bytes).map(JoinedFiles.damage)
        case .flv: damage = JoinedFiles.secondFlashVideo(bytes).map(JoinedFiles.damage)
        case .tta: damage = JoinedFiles.secondTrueAudio(bytes).map(JoinedFiles.damage)
        case .threeGP, .m4a, .mp4, .quickTime: planMP4(bytes)
        case .voc, .nist, .avr, .svx:
            damage = SampleExtent(at: 0, in: bytes)?.end.flatMap { Self.missing(bytes.length, of: $0) }
        default:
            // ffmpeg takes the last page that it finds for the end.
            if demuxer == "ogg" && !OggPages.areWhole(bytes) {
                damage = "the file ends before the last page of its sound"
            }
        }
    }

    private static func missing(_ found: Int64, of stated: Int64) -> String? {
        found < stated ? "the file has \(found) of the \(stated) bytes in its header" : nil
    }

    /// ffmpeg's decoder of AMR drops the frames of pauses, so that later sound would be too early. The filter
    /// puts silence into gaps of the time stamps.
    private static let silenceInGaps = "aresample=async=1:min_hard_comp=0.01"

    private mutating func planAMR(_ bytes: FileAudioBytes) {
        guard let frames = CodedFrames(amr: bytes) else { return }
        if !frames.areWhole { damage = "the file ends within a frame" }
        guard frames.haveComfortNoise else { return }
        let length = Double(frames.count) * CodedFrames.amrSeconds
        (seconds, hasPauses) = (length, true)
        filters = Self.silenceInGaps + ":first_pts=0,apad=whole_dur=\(length)"
    }

    private mutating func planMP4(_ bytes: FileAudioBytes) {
        let boxes = MP4Boxes(bytes)
        damage = boxes.secondFile.map(JoinedFiles.damage)
        if !boxes.areWhole { damage = "the file ends within its sound" }
    }

    /// Containers that state the time of each frame of AMR. AVI states a wrong one.
    static let timedContainers: [AudioFileKind] = [.threeGP, .m4a, .mp4, .quickTime, .matroska]

    /// Puts silence in place of the pauses of AMR in a container.
    mutating func fillPauses(of bytes: FileAudioBytes) {
        // The length is the container's. No frame is shorter than a byte.
        mostPauseSeconds = Double(bytes.length) * CodedFrames.amrSeconds
        filters = Self.silenceInGaps + ":first_pts=0"
    }
}
