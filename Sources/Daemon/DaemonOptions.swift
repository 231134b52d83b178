public import Recognizer
public import Settings

/// The options of a daemon.
public struct DaemonOptions: Sendable {
    public var recognizer: RecognizerOptions
    /// Directory with one subdirectory per adapter, read at the start and by `reload`; nil for none.
    public var adaptersDirectory: String?
    /// Directory of the sockets.
    public var runtimeDirectory: String
    /// Where pauses are kept over restarts; nil without a state directory.
    public var stateDirectory: String?
    /// All other settings; a reload can change some of them.
    public var settings: DaemonSettings
    /// Where a reload reads the settings from.
    public var settingsSources: SettingsSources

    public init(
        recognizer: RecognizerOptions, adaptersDirectory: String?, runtimeDirectory: String,
        stateDirectory: String?, settings: DaemonSettings, settingsSources: SettingsSources
    ) {
        self.recognizer = recognizer
        self.adaptersDirectory = adaptersDirectory
        self.runtimeDirectory = runtimeDirectory
        self.stateDirectory = stateDirectory
        self.settings = settings
        self.settingsSources = settingsSources
    }
}
