internal import ArgumentParser
internal import Glibc
internal import Capture
private import Detection
internal import Inference
internal import Recognizer
internal import Settings
private import SystemSupport

/// The options for settings: a configuration file, and single settings.
struct SettingsArguments: ParsableArguments {
    @Option(
        help:
            "Read settings from this YAML file. Default: $ASTD_CONFIG; for `astd run` also /etc/astd/astd.yaml."
    )
    var config: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "Override a setting, such as detection.on=0.6 or detection.labels.Siren.minimum_hits=1.",
            valueName: "name=value"))
    var assignments: [String] = []

    /// - Parameters:
    ///   - readsStandardFile: Whether /etc/astd/astd.yaml is read when no file is named.
    ///   - flags: Values of the options for single settings, by key.
    func sources(readsStandardFile: Bool, flags: [String: [String]]) throws -> SettingsSources {
        var flags = flags
        for assignment in assignments {
            guard let equals = assignment.firstIndex(of: "="), equals > assignment.startIndex else {
                throw ValidationError("--set \(assignment): give name=value")
            }
            flags[String(assignment[..<equals])] = [String(assignment[assignment.index(after: equals)...])]
        }
        return SettingsSources(
            file: StandardPaths().settings(named: config, readsStandardFile: readsStandardFile),
            standardFile: readsStandardFile ? StandardPaths.settingsFile : nil,
            environment: Environment.process.all, flags: flags,
            checks: ["source": SourceSpec.problem(in:)])
    }
}

extension SourceSpec {
    /// Why a text is not a source, as ``SettingsSources/Check`` says it.
    static func problem(in text: String) -> String? {
        do throws(CaptureError) {
            _ = try SourceSpec(parsing: text)
            return nil
        } catch {
            if case .badCommand(_, let reason) = error { return reason }
            return SourceSpec.suggestion(for: text).map { "did you mean '\($0)'?" } ?? ""
        }
    }
}

extension SettingsSources {
    /// Loads the settings, or ends the program with all errors.
    ///
    /// - Parameter command: The one whose help lists the options.
    func loadOrFail(_ command: String) throws -> LoadedSettings {
        do throws(SettingsRefusal) { return try load() } catch { throw Failure.settings(error, command) }
    }
}

extension DaemonSettings {
    /// What to load and how to run it; ends the program when there is no model.
    ///
    /// - Parameter historyFrames: How far a live stream may be ahead of the window that is classified.
    func recognizerOptions(historyFrames: Int) throws -> RecognizerOptions {
        try checkPrecision()
        var options = try RecognizerOptions(
            model: model, adapters: adapter, threads: threads, precision: Precision(rawValue: precision),
            cacheDir: cacheDir, noCache: noCache, activation: Activation(rawValue: activation),
            historyFrames: historyFrames)
        options.groups = detection.groups
        return options
    }

    /// The settings accept every precision, so that one file serves all machines; this machine may lack the
    /// kernels.
    private func checkPrecision() throws {
        guard let asked = Precision(rawValue: precision), !asked.isFast else { return }
        Failure.warn(
            "precision is \(precision), but this CPU has no fast instructions for it: use auto or fp32")
        throw ExitCode(78)
    }
}
