internal import Wire

/// A file's totals, complete when its last window is written.
public struct FileSummary: Sendable {
    public let path: String
    /// Seconds of audio that were decoded.
    public var seconds = 0.0
    /// The file's own rate in Hz; 0 when it could not be opened.
    public var sampleRateHz = 0
    public var windows = 0
    public var events = 0
    /// Why it was not classified, or only in part.
    var error: BatchError?
    /// The file's state when it failed.
    var state: FileState?
    /// Its spectrogram, for the report.
    var columns: SpectrogramColumns?

    init(path: String) { self.path = path }
}
