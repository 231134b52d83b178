internal import Wire

/// What is known of a file when its last window is told.
public struct FileSummary: Sendable {
    public let path: String
    /// Seconds of audio that were decoded.
    public var seconds = 0.0
    /// The file's own rate in Hz; 0 when it could not be opened.
    public var sampleRateHz = 0
    public var windows = 0
    public var events = 0
    /// Why it was not classified, or not to its end.
    var error: BatchError?
    /// What it looks like, where a picture was asked for.
    var columns: SpectrogramColumns?

    init(path: String) { self.path = path }
}
