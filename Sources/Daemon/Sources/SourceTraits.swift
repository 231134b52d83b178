internal import Capture
private import Recognizer

/// How a source behaves towards the pipeline.
struct SourceTraits: Equatable, Sendable {
    /// The source waits until its samples are read (an unpaced file, standard input), so no window needs to
    /// be skipped.
    var waitsForReader: Bool
    /// The source does not wait for astd (a microphone, a camera): samples of an interruption or a pause are
    /// lost and leave a gap.
    var isLive: Bool
    /// How the times of its samples relate to their arrival.
    var pace = StreamClock.Pace.live
}

extension SourceTraits {
    /// - Parameter isPaced: Whether a file is read in real time.
    init(_ spec: SourceSpec, isPaced: Bool) {
        switch spec {
        case .pulse, .pipe, .command: self.init(waitsForReader: false, isLive: true)
        case .file(let path):
            let start = RecordingClock.local.start(of: path)
            self.init(
                waitsForReader: !isPaced, isLive: false,
                pace: .recorded(startUnixNanos: start?.unixNanos))
        case .stdin: self.init(waitsForReader: true, isLive: false, pace: .piped)
        }
    }
}
