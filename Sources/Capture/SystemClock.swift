private import Glibc

/// The clocks of the system, in nanoseconds. The wall clock may be set: it is asked as late as can be, and only for a time
/// that is told.
package enum SystemClock {
    static let nanosPerSecond: Int64 = 1_000_000_000

    /// Time that only moves forward; for durations, deadlines and pacing.
    static var monotonicNanos: Int64 { read(CLOCK_MONOTONIC) }

    /// As the monotonic clock, and goes on while the machine sleeps; for when a sample was heard.
    package static var bootNanos: Int64 { read(CLOCK_BOOTTIME) }

    /// What to add to that for nanoseconds since 1970-01-01 UTC, as the wall clock is set now.
    package static var wallOffsetNanos: Int64 { read(CLOCK_REALTIME) - bootNanos }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * nanosPerSecond + Int64(time.tv_nsec)
    }
}

/// What the system calls an error number.
enum SystemError {
    static func text(_ number: Int32) -> String {
        // Not strerror: other threads use it too.
        var buffer = [CChar](repeating: 0, count: 128)
        guard strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
