internal import Systemd

/// Keeps systemd's watchdog alive while the engine thread makes progress.
///
/// The thread reports progress after each block of samples and each window, and every second while no samples
/// arrive. If a forward pass hangs, systemd restarts the service; a lost microphone does not cause a restart.
struct EngineWatchdog {
    private let notifier: ServiceNotifier
    private let interval: Duration
    private var due = ContinuousClock.now

    /// nil when the watchdog is not enabled for this process.
    init?(_ notifier: ServiceNotifier, seconds: Double? = ServiceNotifier.watchdogSeconds()) {
        guard let seconds, seconds > 0 else { return nil }
        self.notifier = notifier
        interval = .seconds(seconds / 4)
    }

    /// Call on any progress; notifies systemd at most four times per watchdog interval.
    mutating func progress() {
        let now = ContinuousClock.now
        guard now >= due else { return }
        notifier.watchdog()
        due = now + interval
    }
}
