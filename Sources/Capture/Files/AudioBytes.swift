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

    /// Reads up to `count` bytes into an array.
    func read(count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            guard let target = buffer.baseAddress else { return }
            filled = read(into: target, count: count)
        }
    }
}

/// A regular file, read with `pread`: the offset of a shared descriptor does not matter.
final class FileAudioBytes: AudioBytes {
    private let descriptor: OwnedDescriptor
    private let size: Int64

    override var length: Int64 { size }

    init(_ descriptor: OwnedDescriptor, size: Int64) {
        self.descriptor = descriptor
        self.size = size
    }

    override func read(into target: UnsafeMutableRawPointer, count: Int) -> Int {
        var done = 0
        while done < count {
            let got = pread(descriptor.number, target + done, count - done, Int(offset))
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
}

/// A pipe, read once from start to end.
final class StreamAudioBytes: AudioBytes {
    private let descriptor: Int32
    private let stop: StopFlag
    /// Bytes that were read to detect the format, and are returned by the next reads.
    private var pushedBack: [UInt8] = []
    /// Bytes up to the end that the stream's header announces.
    private var remaining = Int64.max

    /// A stream has no length; the decoder gets one that no stream reaches.
    override var length: Int64 { 1 << 60 }

    /// - Parameter descriptor: Remains the caller's.
    init(descriptor: Int32, stop: StopFlag) {
        self.descriptor = descriptor
        self.stop = stop
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

    /// Whether the stream ended before the length that its header announced.
    var isShort: Bool { remaining > 0 && remaining != .max }

    override func read(into target: UnsafeMutableRawPointer, count: Int) -> Int {
        let wanted = Int(min(Int64(count), remaining))
        var done = min(wanted, pushedBack.count)
        pushedBack.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { target.copyMemory(from: base, byteCount: done) }
        }
        pushedBack.removeFirst(done)
        while done < wanted && waitForBytes() {
            let got = Glibc.read(descriptor, target + done, wanted - done)
            if got == 0 { break }
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

    /// Waits until a read will not block; returns false when the source is stopped.
    private func waitForBytes() -> Bool {
        let pollMilliseconds: Int32 = 100  // between checks of the stop flag
        while !stop.isRaised {
            var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = poll(&ready, 1, pollMilliseconds)
            if count > 0 || (count < 0 && errno != EINTR) { return true }
        }
        return false
    }
}
