public import Recognizer
public import Settings

/// The options of a daemon.
public struct DaemonOptions: Sendable {
    public var recognizer: RecognizerOptions
    /// Directory with one subdirectory per adapter, read at the start and by `reload`; nil for none.
    public var adaptersDirectory: String?
    /// Distance from the start of one window to the start of the next, in frames of 10 ms.
    public var hopFrames: Int
    /// Directory of the sockets.
    public var runtimeDirectory: String
    /// All other settings; a reload can change some of them.
    public var settings: DaemonSettings
    /// Where a reload reads the settings from.
    public var settingsSources: SettingsSources

    public init(
        recognizer: RecognizerOptions, adaptersDirectory: String?, hopFrames: Int, runtimeDirectory: String,
        settings: DaemonSettings, settingsSources: SettingsSources
    ) {
        self.recognizer = recognizer
        self.adaptersDirectory = adaptersDirectory
        self.hopFrames = hopFrames
        self.runtimeDirectory = runtimeDirectory
        self.settings = settings
        self.settingsSources = settingsSources
    }
}
