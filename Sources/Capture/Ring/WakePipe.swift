private import Glibc

/// Lets one thread sleep until another wakes it, through a pipe: waking never blocks, and the deadline is on
/// the monotonic clock.
final class WakePipe: Sendable {
    /// −1 when the process has run out of descriptors: a sleeper then polls every few milliseconds, which is
    /// slower but misses nothing.
    private let readEnd: Int32
    private let writeEnd: Int32
    private static let pollIntervalNanos: Int64 = 5_000_000

    init() {
        var ends: [Int32] = [-1, -1]
        if pipe(&ends) == 0 {
            for end in ends {
                _ = fcntl(end, F_SETFD, FD_CLOEXEC)
                _ = fcntl(end, F_SETFL, O_NONBLOCK)
            }
        }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        if readEnd >= 0 {
            close(readEnd)
            close(writeEnd)
        }
    }

    /// Wakes the sleeping thread, or the next one to sleep. Never blocks; safe on a capture thread.
    func post() {
        var byte: UInt8 = 1
        _ = write(writeEnd, &byte, 1)  // a full pipe wakes the sleeper, too
    }

    /// Sleeps until a post or until `deadline`, on the monotonic clock.
    ///
    /// - Returns: false when the deadline passed first; true may also come without a post.
    func wait(untilMonotonicNanos deadline: Int64) -> Bool {
        while true {
            var left = deadline - SystemClock.monotonicNanos
            let isBlind = readEnd < 0 && left > Self.pollIntervalNanos
            if isBlind { left = Self.pollIntervalNanos }
            let milliseconds = left <= 0 ? 0 : Int32(clamping: left / 1_000_000 + 1)
            var ready = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
            if poll(&ready, 1, milliseconds) > 0 {
                var byte: UInt8 = 0
                if Glibc.read(readEnd, &byte, 1) > 0 { return true }
            }
            if isBlind { return true }
            if SystemClock.monotonicNanos >= deadline { return false }
        }
    }
}
