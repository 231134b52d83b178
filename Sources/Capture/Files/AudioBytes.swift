private import Glibc

/// Input bytes of a decoder.
///
/// The decoder only sees a short read; the reason is in ``failure``.
class AudioBytes {
    /// Length in bytes, as the decoder sees it.
    var length: Int64 { 0 }
    /// Offset of the next byte to read.
    fileprivate(set) var offset: Int64 = 0
    /// The error number of the last failed read; nil when none failed.
    fileprivate(set) var failure: Int32?
    /// Whether seeking from the end fails; see ``SndfileDecoder``.
    var hidesEnd = false

    /// Reads up to `count` bytes, fewer only at the end.
    func read(into target: UnsafeMutableRawPointer, count: Int) -> Int { 0 }

    /// Moves to an offset; returns it, or −1 when that is impossible.
    func seek(to target: Int64) -> Int64 { -1 }

    /// Bytes of the file in front of ``offset``, and its length, whichever part of it this is.
    var position: (read: Int64, length: Int64) { (offset, length) }

    /// Whether ``length`` is the real one.
    var hasLength: Bool { true }

    /// Moves forwards.
    ///
    /// - Returns: false when the end comes first.
    func skip(_ count: Int64) -> Bool {
        var left = count
        while left > 0 {
            let got = read(count: Int(min(left, 1 << 16))).count
            if got == 0 { return false }
            left -= Int64(got)
        }
        return true
    }

    /// Reads up to `count` bytes into an array.
    func read(count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            guard let target = buffer.baseAddress else { return }
            filled = read(into: target, count: count)
        }
    }
}

/// A regular file or a part of one, read with `pread`: the offset of a shared descriptor does not matter.
class FileAudioBytes: AudioBytes {
    let descriptor: OwnedDescriptor
    /// Size of the whole file.
    let size: Int64
    /// The bytes of the file that are read; the first has offset 0.
    private(set) var range: Range<Int64>

    override var length: Int64 { Int64(range.count) }
    override var position: (read: Int64, length: Int64) { (range.lowerBound + offset, size) }

    /// - Parameter range: nil for the whole file.
    init(_ descriptor: OwnedDescriptor, size: Int64, range: Range<Int64>? = nil) {
        self.descriptor = descriptor
        self.size = size
        self.range = range ?? 0..<size
    }

    override func read(into target: UnsafeMutableRawPointer, count: Int) -> Int {
        let count = Int(clamping: max(0, min(Int64(count), length - offset)))
        var done = 0
        while done < count {
            let got = pread(
                descriptor.number, target + done, count - done, Int(range.lowerBound + offset))
            if got == 0 { break }
            if got < 0 {
                if errno == EINTR { continue }
                failure = errno
                break
            }
            done += got
            offset += Int64(got)
        }
        return done
    }

    override func seek(to target: Int64) -> Int64 {
        guard target >= 0 else { return -1 }
        offset = target
        return target
    }

    override func skip(_ count: Int64) -> Bool {
        guard count <= length - offset else { return false }
        return seek(to: offset + count) == offset
    }

    /// Bytes at an offset, fewer only at the end.
    func read(at offset: Int64, count: Int) -> [UInt8] {
        guard seek(to: offset) == offset else { return [] }
        return read(count: count)
    }

    /// Ends the part at an offset, and moves there.
    func end(at offset: Int64) {
        range = range.lowerBound..<(range.lowerBound + offset)
        self.offset = offset
    }
}

/// A pipe, read once from start to end.
class StreamAudioBytes: AudioBytes {
    private let descriptor: Int32
    let stop: StopFlag
    /// Bytes that were read to detect the format, and are returned by the next reads.
    private var pushedBack: [UInt8] = []
    /// Bytes up to the end that the stream's header announces.
    private var remaining = Int64.max

    /// A stream has no length; the decoder gets one that no stream reaches.
    override var length: Int64 { 1 << 60 }
    override var hasLength: Bool { false }
    /// Called with true when no byte has arrived for three seconds, then with false when one does.
    var onStall: ((Bool) -> Void)?
    /// While it is closed nobody expects bytes.
    let pause: PauseGate?
    private var isStalled = false

    /// - Parameter descriptor: Remains the caller's.
    init(descriptor: Int32, stop: StopFlag, pause: PauseGate? = nil) {
        self.descriptor = descriptor
        self.stop = stop
        self.pause = pause
    }

    /// Makes offset 0 of the decoder's view the first of `bytes`, followed by the rest of the stream.
    ///
    /// - Parameters:
    ///   - bytes: Bytes that were read already.
    ///   - limit: Length of the view; nil for the rest of the stream.
    func rebase(pushingBack bytes: [UInt8], limit: Int64?) {
        pushedBack = bytes
        remaining = limit ?? .max
        offset = 0
    }

    /// Whether the stream ended before the length that its header announced, and by how much.
    var isShort: Bool { remaining > 0 && remaining != .max }
    var missingBytes: Int64 { remaining }

    override func read(into target: UnsafeMutableRawPointer, count: Int) -> Int {
        let wanted = Int(min(Int64(count), remaining))
        var done = min(wanted, pushedBack.count)
        pushedBack.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { target.copyMemory(from: base, byteCount: done) }
        }
        pushedBack.removeFirst(done)
        while done < wanted && waitForBytes() {
            let got = readBytes(into: target + done, count: wanted - done)
            if got == 0 { break }
            if got > 0 { report(isStalled: false) }
            if got < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                failure = errno
                break
            }
            done += got
        }
        offset += Int64(done)
        if remaining != .max { remaining -= Int64(done) }
        return done
    }

    /// A stream cannot move; seeking to the current offset succeeds.
    override func seek(to target: Int64) -> Int64 { target == offset ? target : -1 }

    /// As read(2).
    func readBytes(into target: UnsafeMutableRawPointer, count: Int) -> Int {
        Glibc.read(descriptor, target, count)
    }

    /// Waits until a read will not block; returns false when the source is stopped.
    func waitForBytes() -> Bool {
        let pollMilliseconds: Int32 = 100  // between checks of the stop flag
        var watchdog = NoDataWatchdog(atNanos: SystemClock.bootNanos)
        while !stop.isRaised {
            var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = poll(&ready, 1, pollMilliseconds)
            if count > 0 || (count < 0 && errno != EINTR) { return true }
            if pause?.isClosed == true { watchdog.recordArrival() }
            if watchdog.tick(atNanos: SystemClock.bootNanos) { report(isStalled: true) }
        }
        return false
    }

    func report(isStalled: Bool) {
        if isStalled == self.isStalled { return }
        self.isStalled = isStalled
        onStall?(isStalled)
    }
}

/// Bytes that a closure reads, from start to end.
final class ReadAudioBytes: AudioBytes {
    private let body: (UnsafeMutableRawPointer, Int) -> Int

    override var hasLength: Bool { false }

    /// - Parameter body: As ``AudioBytes/read(into:count:)``.
    init(_ body: @escaping (UnsafeMutableRawPointer, Int) -> Int) { self.body = body }

    override func read(into target: UnsafeMutableRawPointer, count: Int) -> Int { body(target, count) }
}
