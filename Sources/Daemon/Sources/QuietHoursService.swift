private import Glibc
internal import ServiceLifecycle

/// Pauses and resumes sources as their quiet hours begin and end.
///
/// It looks at the wall clock every second, and at the begin of each minute, so that a clock that is set, a
/// suspended machine or another time zone takes effect within a second.
struct QuietHoursService: Service {
    let sources: SourceSet
    let clock: WallClock
    /// Disconnecting takes libpulse's lock.
    private let queue = BlockingQueue("astd-quiet-hours")

    init(_ sources: SourceSet, _ clock: WallClock) {
        self.sources = sources
        self.clock = clock
    }

    private static let nanosPerMinute: Int64 = 60_000_000_000
    private static let longestNanos: Int64 = 1_000_000_000

    func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                if sources.all.contains(where: \.pause.hasQuietHours) {
                    await queue.run {
                        // glibc reads /etc/localtime again if it has changed.
                        tzset()
                        for source in sources.all { source.pause.followClock() }
                    }
                }
                let nanos = clock.nowNanos()
                let rest = Self.nanosPerMinute - (nanos % Self.nanosPerMinute)
                try? await Task.sleep(for: .nanoseconds(min(Self.longestNanos, rest)))
            }
        }
    }
}
