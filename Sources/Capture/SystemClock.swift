private import Glibc

/// The clocks of the system, in nanoseconds. None of them is the wall clock, which may be set.
enum SystemClock {
    static let nanosPerSecond: Int64 = 1_000_000_000

    /// Time that only moves forward; for durations, deadlines and pacing.
    static var monotonicNanos: Int64 { read(CLOCK_MONOTONIC) }

    /// As the monotonic clock, and goes on while the machine sleeps; for when a sample was heard.
    static var bootNanos: Int64 { read(CLOCK_BOOTTIME) }

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
