private import Detection
private import Dispatch
internal import Logging
private import NIOConcurrencyHelpers
internal import Settings
internal import TextSupport
internal import Wire

/// What SIGHUP and `reload` do: reads the settings again, applies what can change at run time, and has the adapters
/// read again.
///
/// Threading: from anywhere; settings are read on a queue of its own, one reload after the other.
final class Reload: Sendable {
    private let sources: SettingsSources
    private let adapters: AdapterShelf
    private let logger: Logger
    private let apply: @Sendable (Settings) -> Void
    private let queue = DispatchQueue(label: "astd-settings")
    private let current: NIOLockedValueBox<Settings>

    /// - Parameter apply: Puts the settings that can change at run time into force.
    init(
        _ settings: Settings, from sources: SettingsSources, adapters: AdapterShelf, logger: Logger,
        apply: @escaping @Sendable (Settings) -> Void
    ) {
        current = NIOLockedValueBox(settings)
        self.sources = sources
        self.adapters = adapters
        self.logger = logger
        self.apply = apply
    }

    var settings: Settings { current.withLockedValue { $0 } }

    /// Settings that are wrong change nothing; the adapters are read again all the same.
    func run() async -> ReloadReport {
        let changes: Result<SettingsChanges, SettingsRefusal> = await withCheckedContinuation {
            continuation in
            queue.async { continuation.resume(returning: self.reloadSettings()) }
        }
        var report = await adapters.reload()
        switch changes {
        case .success(let changes):
            (report.changed, report.needsRestart) = (changes.applied, changes.postponed)
        case .failure(let refusal):
            report.problems = refusal.problems.map(\.description) + report.problems
        }
        report.warnings = strangers()
        log(report)
        return report
    }

    /// Reads the adapters' directory, and leaves the settings alone: at the start they are new.
    func readAdapters() async {
        for problem in await adapters.reload().problems { logger.warning("\(problem)") }
    }

    private func reloadSettings() -> Result<SettingsChanges, SettingsRefusal> {
        do throws(SettingsRefusal) {
            let new = try sources.load().settings
            let old = settings
            let merged = old.reloaded(with: new)
            current.withLockedValue { $0 = merged }
            apply(merged)
            return .success(SettingsChanges(from: old, to: new))
        } catch {
            return .failure(error)
        }
    }

    /// Labels of the settings that nothing that is loaded has: a slip, or an adapter to come.
    func strangers() -> [String] {
        let known = Set(adapters.snapshot.labels.values.joined())
        return settings.detection.namedLabels.subtracting(known).sorted().map { label in
            let near = NearMiss.of(label, among: known).map { ": do you mean \($0)?" } ?? ""
            return "detection: nothing that is loaded has a label \(label)\(near)"
        }
    }

    private func log(_ report: ReloadReport) {
        for change in report.changed { logger.info("setting \(change)") }
        for change in report.needsRestart { logger.warning("setting \(change) only after a restart") }
        for problem in report.problems { logger.warning("\(problem)") }
        for warning in report.warnings { logger.warning("\(warning)") }
        let counts = "\(report.loaded.count) new, \(report.replaced.count) changed"
        logger.info(
            "adapters: \(counts), \(report.removed.count) gone, \(report.problems.count) problems in all")
    }
}
