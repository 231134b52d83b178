private import Glibc

/// Where the bytes of a live stream come from; it can be opened again and again.
///
/// Threading: the thread of the source.
protocol LiveInputOpener: AnyObject {
    /// Opens the stream, without waiting for its first byte.
    ///
    /// - Throws: `streamLost` when there is nothing to open now.
    func open() throws(CaptureError) -> any LiveInput
    /// What remains open between two inputs is closed.
    func release()
    /// The time before the next attempt to open, after one that failed or a stream that ended.
    func nextWaitNanos(delivered: Bool) -> Int64
}

/// An open stream of bytes.
protocol LiveInput: AnyObject {
    /// Waits until there are bytes, or the end.
    func wait(milliseconds: Int32) -> Bool
    /// As read(2).
    func read(into target: UnsafeMutableRawPointer, count: Int) -> Int
    /// Called while no byte arrives.
    ///
    /// - Parameter idleNanos: The time since the last byte, or since it was opened.
    /// - Returns: Why it is useless to wait any longer; nil to wait.
    func giveUp(afterNanos idleNanos: Int64, hasDelivered: Bool) -> String?
    /// Why the stream has ended, as a sentence.
    func reasonOfEnd() -> String
    /// That no byte has arrived, as a sentence.
    func reasonOfStall(seconds: Int64) -> String
    /// Closes the stream; bytes that were sent already are lost.
    func close()
}

/// The bytes of a live stream, from one opening to its end.
final class LiveStreamBytes: StreamAudioBytes {
    private let input: any LiveInput
    /// Why no more bytes were read; nil while there are some, and when the source is paused or stopped.
    private(set) var reasonOfEnd: String?
    private(set) var hasDelivered = false

    init(_ input: any LiveInput, stop: StopFlag, pause: PauseGate) {
        self.input = input
        super.init(descriptor: -1, stop: stop, pause: pause)
    }

    override func waitForBytes() -> Bool {
        let pollMilliseconds: Int32 = 50  // between checks of the flags
        let begin = SystemClock.monotonicNanos
        var watchdog = NoDataWatchdog(atNanos: SystemClock.bootNanos)
        while !stop.isRaised && pause?.isClosed != true && reasonOfEnd == nil {
            if input.wait(milliseconds: pollMilliseconds) { return true }
            if watchdog.tick(atNanos: SystemClock.bootNanos) { report(isStalled: true) }
            reasonOfEnd = input.giveUp(
                afterNanos: SystemClock.monotonicNanos - begin, hasDelivered: hasDelivered)
        }
        return false
    }

    override func readBytes(into target: UnsafeMutableRawPointer, count: Int) -> Int {
        let got = input.read(into: target, count: count)
        if got > 0 { hasDelivered = true }
        if got == 0 { reasonOfEnd = input.reasonOfEnd() }
        if got < 0 && errno != EINTR && errno != EAGAIN {
            reasonOfEnd = "it cannot be read (\(SystemError.text(errno)))"
            return 0
        }
        return got
    }
}
