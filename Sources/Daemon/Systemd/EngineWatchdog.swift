/// Feeds systemd's watchdog with the engine's progress: its thread comes by between two blocks of samples, two windows,
/// and every second while there is nothing to hear. A pass that hangs does not, and systemd starts the service again;
/// a lost microphone is not a reason.
struct EngineWatchdog {
    private let notifier: ServiceNotifier
    private let interval: Duration
    private var due = ContinuousClock.now

    /// nil when systemd does not watch this process.
    init?(_ notifier: ServiceNotifier, seconds: Double? = ServiceNotifier.watchdogSeconds()) {
        guard let seconds, seconds > 0 else { return nil }
        self.notifier = notifier
        interval = .seconds(seconds / 4)
    }

    /// To be called as often as there is progress; tells systemd four times in its limit at most.
    mutating func progress() {
        let now = ContinuousClock.now
        guard now >= due else { return }
        notifier.watchdog()
        due = now + interval
    }
}
