public import Detection
public import Recognizer

/// How a daemon is to run.
public struct DaemonOptions: Sendable {
    public var recognizer: RecognizerOptions
    /// As ``Capture/SourceSpec`` reads it: `pulse`, `pulse:GLOB`, `file:PATH`, `stdin`.
    public var source: String
    /// Where `reload` looks for adapters, one a directory; `nil`: nowhere.
    public var adaptersDirectory: String?
    /// A file plays as fast as it can be classified instead of in real time.
    public var unpaced: Bool
    /// Windows that are quieter throughout are not classified; `nil`: all are.
    public var gateDBFS: Double?
    /// From one window's beginning to the next, in frames of 10 ms.
    public var hopFrames: Int
    /// Which labels make events, and when.
    public var detection: DetectionRules
    /// Where the sockets are.
    public var runtimeDirectory: String

    public init(
        recognizer: RecognizerOptions, source: String, adaptersDirectory: String? = nil, unpaced: Bool,
        gateDBFS: Double? = nil, hopFrames: Int, detection: DetectionRules = DetectionRules(),
        runtimeDirectory: String
    ) {
        self.recognizer = recognizer
        self.source = source
        self.adaptersDirectory = adaptersDirectory
        self.unpaced = unpaced
        self.gateDBFS = gateDBFS
        self.hopFrames = hopFrames
        self.detection = detection
        self.runtimeDirectory = runtimeDirectory
    }
}
