private import Detection
private import Glibc
private import Inference
private import Recognizer
internal import Settings
private import SystemSupport

extension DaemonSettings {
    /// What `astd run` uses on this machine for the settings that are not set, by key.
    func resolutions() -> [String: LoadedSettings.Resolution] {
        typealias Resolution = LoadedSettings.Resolution
        let paths = StandardPaths()
        var resolutions: [String: Resolution] = [:]
        if model == nil {
            resolutions["model"] =
                paths.modelPlace.map { Resolution(Self.absolute($0.path), $0.origin) }
                ?? Resolution(nil, "there is none in \(StandardPaths.models.joined(separator: ", "))")
        }
        if adaptersDir == nil {
            resolutions["adapters_dir"] =
                paths.adaptersPlace.map { Resolution($0.path, $0.origin) }
                ?? Resolution(nil, "\(StandardPaths.adaptersDirectory) does not exist")
        }
        if noCache {
            resolutions["cache_dir"] = Resolution(cacheDir, "not used because of no_cache")
        } else if cacheDir == nil {
            resolutions["cache_dir"] =
                paths.cachePlace.map { Resolution($0.path, $0.origin) }
                ?? Resolution(nil, "no $HOME, so packed weights are not kept")
        }
        if threads == nil {
            resolutions["threads"] = Resolution(
                "\(Processors.usableCount)", "all processors that astd may use")
        }
        if runtimeDir == nil {
            resolutions["runtime_dir"] = Resolution(
                paths.runtimePlace.path, paths.runtimePlace.origin)
        }
        if stateDir == nil {
            resolutions["state_dir"] =
                paths.statePlace.map { Resolution($0.path, $0.origin) }
                ?? Resolution(nil, "no $HOME, so a restart ends a pause")
        }
        if precision == "auto" {
            resolutions["precision"] = Resolution(nil, Self.automaticPrecision)
        }
        if detection.rule.off == nil {
            resolutions["detection.off"] = Resolution(
                "\((detection.rule.keepThreshold * 10_000).rounded() / 10_000)",
                "\(detection.rule.on < 0 ? "1.3" : "0.7") of on")
        }
        return resolutions
    }

    private static var automaticPrecision: String {
        SelfTest.fastestThatHolds() == .int8
            ? "int8 on this processor, fp32 for a network whose scores int8 would change"
            : "fp32 on this processor"
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
        defer { free(directory) }
        return PathText.text(cString: directory) + "/" + path
    }
}
