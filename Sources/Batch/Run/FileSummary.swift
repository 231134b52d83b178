internal import Recognizer
internal import Wire

/// The totals of a file, or of one of its channels; complete when the last window is written.
public struct FileSummary: Sendable {
    public let path: String
    /// Counted from 1; `nil` for the mean of all.
    public let channel: Int?
    /// When the recording began; `nil` when that is not known.
    var start: RecordingStart?
    /// Whether no other channel of the file follows.
    var isLastOfFile = true
    /// Seconds of audio that were decoded.
    public var seconds = 0.0
    /// Seconds at its end that are in no window, because a last window would have added too few.
    public var omittedSeconds = 0.0
    /// The file's own rate in Hz; 0 when it could not be opened.
    public var sampleRateHz = 0
    public var windows = 0
    public var events = 0
    /// Why the mean of the channels does not represent them.
    var warning: String?
    /// What is not read of a file with several audio tracks.
    var trackWarning: String?
    /// Why it was not classified, or only in part.
    var error: BatchError?
    /// The file's state when it failed.
    var state: FileState?
    /// Its spectrogram, for the report.
    var columns: SpectrogramColumns?

    init(path: String, channel: Int? = nil) {
        self.path = path
        self.channel = channel
    }
}

/// The totals of a file with all its channels.
struct FileTotals {
    var windows = 0
    var events = 0
    var seconds = 0.0
    var omittedSeconds = 0.0
    var lastError: BatchError?
    /// Of the file, when a channel failed.
    var state: FileState?
    var hasWarning = false

    mutating func add(_ part: FileSummary) {
        windows += part.windows
        events += part.events
        seconds += part.seconds
        omittedSeconds += part.omittedSeconds
        lastError = part.error ?? lastError
        state = part.state ?? state
        hasWarning = hasWarning || part.warning != nil
    }
}
