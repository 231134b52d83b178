public import Recognizer
public import Settings

/// How a daemon is to run.
public struct DaemonOptions: Sendable {
    public var recognizer: RecognizerOptions
    /// Where `reload` looks for adapters, one a directory; `nil`: nowhere.
    public var adaptersDirectory: String?
    /// From one window's beginning to the next, in frames of 10 ms.
    public var hopFrames: Int
    /// Where the sockets are.
    public var runtimeDirectory: String
    /// The rest, some of which a reload can change.
    public var settings: Settings
    /// Where a reload reads them again.
    public var settingsSources: SettingsSources

    public init(
        recognizer: RecognizerOptions, adaptersDirectory: String?, hopFrames: Int, runtimeDirectory: String,
        settings: Settings, settingsSources: SettingsSources
    ) {
        self.recognizer = recognizer
        self.adaptersDirectory = adaptersDirectory
        self.hopFrames = hopFrames
        self.runtimeDirectory = runtimeDirectory
        self.settings = settings
        self.settingsSources = settingsSources
    }
}
