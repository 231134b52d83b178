private import Glibc

/// The time of records: samples go by the clock that nobody sets, and the wall clock is asked as late as can be.
enum SystemTime {
    /// Nanoseconds since the machine started, its sleep included: what the ring's samples are stamped with.
    static var bootNanos: Int64 { read(CLOCK_BOOTTIME) }

    /// What to add to that for nanoseconds since 1970-01-01 UTC, as the wall clock is set now.
    static var wallOffsetNanos: Int64 { read(CLOCK_REALTIME) - bootNanos }

    private static func read(_ clock: clockid_t) -> Int64 {
        var now = timespec()
        clock_gettime(clock, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }
}
