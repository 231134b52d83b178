import Glibc
import TestSupport

/// A pipe of a test.
final class TestPipe: Sendable {
    let readEnd: Int32
    private let writeEnd: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw TestFailure("pipe failed: errno \(errno)") }
        // A program of another test that inherited the write end would keep the stream from ending.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit { close(readEnd) }

    /// Bytes that were written and not yet read.
    var waitingBytes: Int {
        var count: Int32 = 0
        return ioctl(readEnd, UInt(FIONREAD), &count) == 0 ? Int(count) : -1
    }

    /// Writes everything, waiting for the reader.
    func write(_ bytes: [UInt8]) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                Glibc.write(writeEnd, raw.baseAddress.map { $0 + done }, raw.count - done)
            }
            if count <= 0 { return }
            done += count
        }
    }

    /// Ends the stream.
    func closeWriteEnd() { close(writeEnd) }

    /// Writes everything and ends the stream.
    func writeAndClose(_ bytes: [UInt8]) {
        write(bytes)
        closeWriteEnd()
    }
}
