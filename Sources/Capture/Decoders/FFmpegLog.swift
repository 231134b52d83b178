/// What ffmpeg's messages say about its input. Reads them as they come and keeps a bounded part.
struct FFmpegLog {
    /// The container's length in seconds, where it states one and sound is all it holds.
    private(set) var promisedSeconds: Double?
    /// Whether the input was opened, and its streams were listed.
    private(set) var hasListedStreams = false
    private(set) var audioStreams = 0
    /// Whether the first of them is AMR.
    private(set) var isAMR = false
    /// The last message about damage; nil when there was none.
    private(set) var damage: String?
    /// The last one that is not of AMR's decoder, which reports pauses like damage.
    private(set) var containerDamage: String?
    /// The last message of level error or worse.
    private(set) var lastError: String?
    /// Whether AMR has frames of comfort noise, which ffmpeg's own decoder reports like damaged ones.
    private(set) var hasComfortNoise = false

    private var line: [UInt8] = []
    private var isInputListed = false
    private var hasVideo = false
    private var isEstimate = false

    /// Longer lines are cut: names and tags of the input appear in messages.
    private static let maximumLineBytes = 1000

    /// Takes the next bytes of the messages.
    mutating func append(_ bytes: [UInt8]) {
        for byte in bytes {
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                interpret(String(decoding: line, as: UTF8.self))
                line.removeAll(keepingCapacity: true)
            } else if line.count < Self.maximumLineBytes {
                line.append(byte)
            }
        }
    }

    /// A message is `[CONTEXT @ ADDRESS] [LEVEL] TEXT`; the context is a demuxer or a codec, or missing.
    private mutating func interpret(_ message: String) {
        for level in ["info", "warning", "error", "fatal", "panic"] {
            guard let mark = message.firstRange(of: "[\(level)] ") else { continue }
            let context = message[..<mark.lowerBound]
            let text = String(message[mark.upperBound...])
            if context.isEmpty && level == "info" { return describe(text) }
            report(text, level: level, context: context)
            return
        }
    }

    /// The list of the input's streams, which comes before that of the output's.
    private mutating func describe(_ text: String) {
        if text.hasPrefix("Input #0") { isInputListed = true }
        if text.hasPrefix("Stream mapping:") || text.hasPrefix("Output #0") { isInputListed = false }
        guard isInputListed else { return }
        if text.hasPrefix("  Duration: ") {
            hasListedStreams = true
            promisedSeconds = isEstimate ? nil : Self.seconds(text.dropFirst(12).prefix { $0 != "," })
        }
        guard text.hasPrefix("  Stream #0:") else { return }
        hasListedStreams = true
        if text.contains(": Audio: ") {
            if audioStreams == 0 { isAMR = text.contains(": Audio: amr_") }
            audioStreams += 1
        }
        // A cover is a video stream of one picture.
        if text.contains(": Video: ") && !text.contains("(attached pic)") { hasVideo = true }
        // A film's sound may be shorter than its picture.
        if hasVideo { promisedSeconds = nil }
    }

    private mutating func report(_ text: String, level: String, context: Substring) {
        if text.contains("Estimating duration from bitrate") { isEstimate = true }
        // ffmpeg looks into all streams, of which only sound matters.
        let codec = context.drop { $0 == "[" }.prefix { $0 != " " }
        guard !Self.videoCodecs.contains(String(codec)) else { return }
        if text.hasPrefix("dtx mode is not implemented") { hasComfortNoise = true }
        let isError = level != "info" && level != "warning"
        if isError { lastError = text }
        let isDamage = ["orrupt", "size mismatch", "runcat"].contains { text.contains($0) }
        guard isError || (level == "warning" && isDamage) else { return }
        damage = text
        // The program's own messages repeat a decoder's, without a context.
        if !context.isEmpty && !context.contains("amr") { containerDamage = text }
    }

    private static let videoCodecs: Set<String> = [
        "h264", "hevc", "vvc", "mpeg1video", "mpeg2video", "mpeg4", "msmpeg4", "h263", "vp6f", "vp8", "vp9",
        "av1", "libdav1d", "libaom-av1", "mjpeg", "png", "theora", "vc1", "wmv3", "wmv2", "dvvideo", "flv",
        "rv40", "rv30", "svq3", "prores", "dnxhd", "swscaler", "pgssub", "dvbsub", "mov_text", "dvb_teletext",
    ]

    /// Reads `HH:MM:SS.FF`; nil for `N/A`.
    private static func seconds(_ text: some StringProtocol) -> Double? {
        let parts = text.split(separator: ":").map { Double($0) }
        guard parts.count == 3, let hours = parts[0], let minutes = parts[1], let seconds = parts[2] else {
            return nil
        }
        return hours * 3600 + minutes * 60 + seconds
    }
}
