private import Glibc
internal import SystemSupport

/// Opens a named pipe (FIFO) for reading, or connects to a Unix stream socket.
final class PipeOpener: LiveInputOpener {
    private let path: String
    /// The pipe that was read last. Its next reader is opened first, so that a pipe with a writer always has
    /// a reader, and no writer is ended by SIGPIPE between two.
    private var previous: DescriptorInput?
    private var waits = SourceHealth()
    private var openNanos = Int64.zero

    /// A socket that is closed sooner was not a stream; its program must not be called without a pause.
    private static let shortestStreamNanos = SystemClock.nanosPerSecond

    init(path: String) { self.path = path }

    func open() throws(CaptureError) -> any LiveInput {
        var status = stat()
        guard stat(path.systemPath, &status) == 0 else { throw lost(errno) }
        let input: DescriptorInput
        switch status.st_mode & S_IFMT {
        case S_IFIFO:
            // Without O_NONBLOCK it would wait for a writer.
            let number = Glibc.open(path.systemPath, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
            guard number >= 0 else { throw lost(errno) }
            input = DescriptorInput(OwnedDescriptor(number), path: path, isPipe: true)
        case S_IFSOCK: input = DescriptorInput(try connected(), path: path, isPipe: false)
        case S_IFREG:
            throw lost("is a regular file, not a pipe or a socket: name it file:\(path)")
        case S_IFDIR: throw lost("is a folder, not a pipe or a socket")
        default: throw lost("is a device, not a pipe or a socket")
        }
        previous = input
        openNanos = SystemClock.monotonicNanos
        return input
    }

    func release() { previous = nil }

    func nextWaitNanos(delivered: Bool) -> Int64 {
        let isLong = SystemClock.monotonicNanos - openNanos > Self.shortestStreamNanos
        if delivered && (isLong || previous?.isPipe == true) { _ = waits.move(to: .healthy) }
        return waits.nextWaitNanos()
    }

    private func connected() throws(CaptureError) -> OwnedDescriptor {
        let flags = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let number = socket(AF_UNIX, Int32(flags), 0)
        guard number >= 0 else { throw lost(errno) }
        let descriptor = OwnedDescriptor(number)
        guard let address = UnixAddress(path: path) else {
            throw lost("is too long for a socket: its path has at most \(UnixAddress.maximumPathBytes) bytes")
        }
        if address.connect(number) != 0 {
            switch errno {
            case ECONNREFUSED: throw lost("is a socket on which no program listens; waiting for one")
            case EAGAIN: throw lost("is a socket whose program does not accept connections")
            case EPROTOTYPE: throw lost("is not a stream socket")
            default: throw lost(errno)
            }
        }
        return descriptor
    }

    private func lost(_ number: Int32) -> CaptureError {
        switch number {
        case ENOENT, ENOTDIR: lost("does not exist; waiting for it")
        case EACCES, EPERM: lost("cannot be opened (permission denied): let the user of astd read it")
        default: lost("cannot be opened (\(SystemError.text(number)))")
        }
    }

    private func lost(_ reason: String) -> CaptureError { .streamLost(name: path, reason: reason) }
}

/// A pipe or a socket that is read.
final class DescriptorInput: LiveInput {
    private let descriptor: OwnedDescriptor
    private let path: String
    let isPipe: Bool
    private var lastCheckNanos = Int64.zero
    private var hasDelivered = false
    /// What ``probe()`` has read.
    private var probed: UInt8?

    /// Between two looks at the path, and the silence before the first.
    private static let checkNanos = SystemClock.nanosPerSecond

    init(_ descriptor: OwnedDescriptor, path: String, isPipe: Bool) {
        self.descriptor = descriptor
        self.path = path
        self.isPipe = isPipe
    }

    func wait(milliseconds: Int32) -> Bool {
        var ready = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        return poll(&ready, 1, milliseconds) > 0 || probe()
    }

    /// Looks for the end of a pipe whose writer left before it was opened here: poll reports only the end of
    /// writers that came later.
    private func probe() -> Bool {
        guard isPipe, hasDelivered, probed == nil else { return false }
        var byte: UInt8 = 0
        let got = Glibc.read(descriptor.number, &byte, 1)
        if got == 1 { probed = byte }
        return got >= 0
    }

    func read(into target: UnsafeMutableRawPointer, count: Int) -> Int {
        if let byte = probed, count > 0 {
            target.storeBytes(of: byte, as: UInt8.self)
            probed = nil
            return 1
        }
        let got = Glibc.read(descriptor.number, target, count)
        if got > 0 { hasDelivered = true }
        // The end of a process that had not read everything.
        return got < 0 && errno == ECONNRESET ? 0 : got
    }

    /// Another pipe or socket may have taken the path; nobody will write to this one then.
    func giveUp(afterNanos idleNanos: Int64, hasDelivered: Bool) -> String? {
        let now = SystemClock.monotonicNanos
        guard isPipe, idleNanos >= Self.checkNanos, now - lastCheckNanos >= Self.checkNanos else {
            return nil
        }
        lastCheckNanos = now
        var (there, here) = (stat(), stat())
        guard stat(path.systemPath, &there) == 0, fstat(descriptor.number, &here) == 0,
            there.st_ino != here.st_ino || there.st_dev != here.st_dev
        else { return nil }
        return "\(path) was replaced; opening the new one"
    }

    func reasonOfEnd() -> String { "the writer of \(path) has closed it; waiting for the next one" }

    func reasonOfStall(seconds: Int64) -> String {
        "no bytes from \(path) for \(seconds) seconds; waiting for its writer"
    }

    /// Reads what the pipe holds, so that the next reader does not receive it.
    func close() {
        var rest = [UInt8](repeating: 0, count: 1 << 16)
        for _ in 0..<64 where wait(milliseconds: 0) {
            if Glibc.read(descriptor.number, &rest, rest.count) <= 0 { return }
        }
    }
}
