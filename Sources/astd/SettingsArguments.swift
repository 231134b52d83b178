internal import ArgumentParser
private import Detection
internal import Glibc
internal import Inference
internal import Recognizer
internal import Settings
private import SystemSupport

/// The options that name settings: a file, and single ones.
struct SettingsArguments: ParsableArguments {
    @Option(
        help: "A YAML file. Default: $ASTD_CONFIG, or for `astd run` /etc/astd/astd.yaml where it exists.")
    var config: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "Any setting of the file, such as detection.on=0.6 or detection.labels.Siren.minimum_hits=1.",
            valueName: "name=value"))
    var assignments: [String] = []

    /// - Parameters:
    ///   - standardFile: What is read where no file is named, if it is there.
    ///   - flags: Settings that have options of their own, by key.
    func sources(standardFile: String?, flags: [String: [String]]) throws -> SettingsSources {
        var flags = flags
        for assignment in assignments {
            guard let equals = assignment.firstIndex(of: "="), equals > assignment.startIndex else {
                throw ValidationError("--set \(assignment): give name=value")
            }
            flags[String(assignment[..<equals])] = [String(assignment[assignment.index(after: equals)...])]
        }
        return SettingsSources(
            file: file(standardFile: standardFile), environment: Environment.all, flags: flags)
    }

    /// What was asked for has to be there; the standard file may be.
    private func file(standardFile: String?) -> String? {
        if let named = config ?? Environment.all["ASTD_CONFIG"], !named.isEmpty { return named }
        return standardFile.flatMap { access($0, F_OK) == 0 ? $0 : nil }
    }
}

extension SettingsSources {
    /// Loads them, or ends the program with the reasons.
    func loadOrFail() throws -> LoadedSettings {
        do throws(SettingsRefusal) { return try load() } catch { throw Failure.settings(error) }
    }
}

extension Settings {
    /// What to load and how to run it; ends the program when there is no model anywhere.
    ///
    /// - Parameter historyFrames: How far a live stream may be ahead of the window that is classified.
    func recognizerOptions(historyFrames: Int) throws -> RecognizerOptions {
        guard let directory = ModelLocator.find(explicit: model) else { throw Failure.noModelAnywhere() }
        return RecognizerOptions(
            model: directory, adapters: adapter, threads: threads ?? Processors.usableCount,
            precision: Precision(rawValue: precision) ?? SelfTest.fastestThatHolds(),
            cacheDirectory: noCache ? nil : CacheLocator.find(explicit: cacheDir),
            activation: Activation(rawValue: activation), historyFrames: historyFrames)
    }

    /// ``hop`` in frames of 10 ms.
    var hopFrames: Int { Int((hop * 100).rounded()) }
}

/// The environment of this process.
private enum Environment {
    static let all: [String: String] = {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let parts = String(cString: entry).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            next += 1
        }
        return variables
    }()
}
