private import Detection
internal import Logging
private import Recognizer
private import NIOConcurrencyHelpers
internal import Settings
internal import TextSupport
internal import Wire

/// Carries out SIGHUP and `reload`: reads the settings, applies those that can change at run time, and reads
/// the adapters' directory.
///
/// Threading: any thread. Settings are read on a queue of their own, one reload after the other.
final class Reload: Sendable {
    private let sources: SettingsSources
    private let adapters: LoadedAdapters
    private let logger: Logger
    private let apply: @Sendable (_ new: DaemonSettings, _ old: DaemonSettings) -> [String]
    private let queue = BlockingQueue("astd-settings")
    private let current: NIOLockedValueBox<DaemonSettings>
    /// The file that was read last.
    private let file: NIOLockedValueBox<String?>

    /// - Parameter apply: Applies the settings that can change at run time; may block. Returns problems.
    init(
        _ settings: DaemonSettings, from sources: SettingsSources, adapters: LoadedAdapters, logger: Logger,
        apply: @escaping @Sendable (_ new: DaemonSettings, _ old: DaemonSettings) -> [String]
    ) {
        current = NIOLockedValueBox(settings)
        file = NIOLockedValueBox(sources.file)
        self.sources = sources
        self.adapters = adapters
        self.logger = logger
        self.apply = apply
    }

    var settings: DaemonSettings { current.withLockedValue { $0 } }

    /// Invalid settings change nothing; the adapters are read in any case.
    func run() async -> ReloadReport {
        let changes = await queue.run { self.reloadSettings() }
        var report = await adapters.reload()
        switch changes {
        case .success(let (changes, problems)):
            (report.changed, report.needsRestart) = (changes.applied, changes.postponed)
            report.problems = problems + report.problems
        case .failure(let refusal):
            report.problems = refusal.problems.map(\.description) + report.problems
        }
        report.warnings += unknownLabels()
        log(report, changes.map(\.changes))
        return report
    }

    /// Reads the adapters' directory but not the settings, which are current when the daemon starts.
    func readAdapters() async {
        let report = await adapters.reload()
        for message in report.problems + report.warnings { logger.warning("\(message)") }
    }

    /// - Returns: The changes, and what went wrong when they were applied.
    private func reloadSettings() -> Result<(changes: SettingsChanges, problems: [String]), SettingsRefusal> {
        do throws(SettingsRefusal) {
            let loaded = try sources.load()
            let (old, new) = (settings, loaded.settings)
            let changes = SettingsChanges(from: old, to: new)
            let hasNoSettings = loaded.file == nil || loaded.isFileEmpty
            if let file = loaded.file ?? file.withLockedValue({ $0 }), hasNoSettings, !changes.isEmpty {
                throw .emptied(file: file)
            }
            file.withLockedValue { $0 = loaded.file }
            let merged = old.reloaded(with: new)
            current.withLockedValue { $0 = merged }
            return .success((changes, apply(merged, old)))
        } catch {
            return .failure(error)
        }
    }

    /// Warnings about labels in the settings that no loaded model or adapter has: a typing error, or an
    /// adapter that is not loaded yet.
    func unknownLabels() -> [String] {
        let known = Set(adapters.snapshot.labels.values.joined())
        let members = GroupProblems.unknownMembers(of: settings.detection.groups, known: known)
        return members
            + settings.detection.namedLabels.subtracting(known).sorted().map { label in
                let near = NearMiss.of(label, among: known).map { "; did you mean `\($0)`?" } ?? ""
                return "detection: no loaded model or adapter has a label `\(label)`\(near)"
            }
    }

    private func log(_ report: ReloadReport, _ changes: Result<SettingsChanges, SettingsRefusal>) {
        for change in report.changed { logger.info("setting \(change)") }
        for change in report.needsRestart { logger.warning("setting \(change) takes effect after a restart") }
        for problem in report.problems { logger.warning("\(problem)") }
        for warning in report.warnings { logger.warning("\(warning)") }
        logger.info("reloaded; \(Self.summary(report, changes))")
    }

    /// The mistakes of the settings and the problems of adapters, counted apart.
    static func summary(
        _ report: ReloadReport, _ changes: Result<SettingsChanges, SettingsRefusal>
    ) -> String {
        func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
        var mistakes = 0
        var settings = "\(report.changed.count) changed"
        switch changes {
        case .success where report.needsRestart.isEmpty: break
        case .success: settings += ", \(report.needsRestart.count) after a restart"
        case .failure(let refusal):
            mistakes = refusal.problems.count
            settings = "unchanged because of \(count(mistakes, "mistake"))"
        }
        return "settings: \(settings); adapters: \(report.loaded.count) loaded, "
            + "\(report.replaced.count) replaced, \(report.removed.count) removed, "
            + count(report.problems.count - mistakes, "problem")
    }
}
