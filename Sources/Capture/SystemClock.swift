private import Glibc

/// The clocks of the system, in nanoseconds. The wall clock may be set at any time, so it is used only to
/// format timestamps, never to compute durations.
package enum SystemClock {
    static let nanosPerSecond: Int64 = 1_000_000_000

    /// CLOCK_MONOTONIC, for durations, deadlines and pacing.
    static var monotonicNanos: Int64 { read(CLOCK_MONOTONIC) }

    /// CLOCK_BOOTTIME, which continues while the machine sleeps, for the time a sample was captured.
    package static var bootNanos: Int64 { read(CLOCK_BOOTTIME) }

    /// The offset from ``bootNanos`` to nanoseconds since 1970-01-01 UTC, as the wall clock is set now.
    package static var wallOffsetNanos: Int64 { read(CLOCK_REALTIME) - bootNanos }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * nanosPerSecond + Int64(time.tv_nsec)
    }
}

/// The system's messages for error numbers.
enum SystemError {
    static func text(_ number: Int32) -> String {
        // strerror is not thread-safe.
        var buffer = [CChar](repeating: 0, count: 128)
        guard strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
