private import Glibc

/// A program that runs beside this process, with its output and its messages on two pipes: without a shell,
/// without this process's descriptors, and with limits. Killed with the last reference, with all processes
/// that it has started in its session; itself also with this process.
///
/// Threading: one thread at a time.
public final class ChildProgram {
    /// What it may use at most; 0 for no limit of its own.
    public struct Limits: Sendable {
        public var cpuSeconds: Int
        public var addressBytes: Int
        public var openFiles: Int
        /// Whether it may make files longer.
        public var writesFiles: Bool

        public init(cpuSeconds: Int, addressBytes: Int, openFiles: Int, writesFiles: Bool = false) {
            self.cpuSeconds = cpuSeconds
            self.addressBytes = addressBytes
            self.openFiles = openFiles
            self.writesFiles = writesFiles
        }

        /// For a program that the user has chosen.
        public static let none = Limits(cpuSeconds: 0, addressBytes: 0, openFiles: 0, writesFiles: true)
    }

    /// Which of its pipes has bytes, or has ended.
    public enum Readable: Sendable { case output, errors, nothing }

    /// How it ended.
    public enum Exit: Equatable, Sendable {
        case status(Int32)
        case signal(Int32)
    }

    package let identifier: Int32
    private var output: Int32
    private var errors: Int32
    private var ended: Exit?

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - path: The program's file.
    ///   - arguments: Without the program's name.
    ///   - environment: All its variables, `NAME=VALUE`.
    ///   - input: Its standard input; remains the caller's.
    /// - Throws: ``ChildError``.
    public init(
        path: String, arguments: [String], environment: [String], input: Int32, limits: Limits
    ) throws(ChildError) {
        let request = ChildStarter.Request(
            path: path, arguments: arguments, environment: environment, input: input, limits: limits)
        try ChildStarter.start(request)
        identifier = request.child
        output = request.output
        errors = request.errors
    }

    deinit {
        if ended == nil {
            kill(-identifier, SIGKILL)
            _ = waitStatus(flags: 0)
        }
        closeOutput()
        closeErrors()
    }

    /// Closes the output, as after its end; ``wait(milliseconds:)`` ignores it then.
    public func closeOutput() {
        if output >= 0 { close(output) }
        output = -1
    }

    /// How it ended; nil while it runs. What it has started is killed with its end.
    public func exitIfEnded() -> Exit? {
        if ended == nil { ended = waitStatus(flags: WNOHANG) }
        return ended
    }

    /// Waits until there are bytes, the messages first.
    public func wait(milliseconds: Int32) -> Readable {
        var ready = [
            pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
            pollfd(fd: output, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&ready, 2, milliseconds) > 0 else { return .nothing }
        return ready[0].revents != 0 ? .errors : .output
    }

    /// Reads some of the output; 0 at its end.
    public func readOutput(into target: UnsafeMutableRawPointer, count: Int) -> Int {
        read(output, target, count)
    }

    /// Reads some of the messages; nil at their end. Blocks when there are none.
    public func readErrors() -> [UInt8]? {
        guard errors >= 0 else { return nil }
        let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, filled in
            filled = max(0, read(errors, buffer.baseAddress, buffer.count))
        }
        if !bytes.isEmpty { return bytes }
        closeErrors()
        return nil
    }

    /// Waits for the exit, and kills the program when it does not come in time.
    public func exit(milliseconds: Int) -> Exit {
        for _ in 0..<max(1, milliseconds / 10) {
            if let ended { return ended }
            if let found = waitStatus(flags: WNOHANG) {
                ended = found
                return found
            }
            usleep(10_000)
        }
        kill(identifier, SIGKILL)
        let found = waitStatus(flags: 0) ?? .signal(SIGKILL)
        ended = found
        return found
    }

    /// Waits for the end of the program, and kills what it has started and left behind: its process group,
    /// whose number is free only when the exit status has been read.
    private func waitStatus(flags: Int32) -> Exit? {
        var state = siginfo_t()
        while waitid(P_PID, id_t(identifier), &state, WEXITED | WNOWAIT | flags) != 0 {
            guard errno == EINTR else { return .signal(0) }
        }
        guard state.si_signo != 0 else { return nil }
        kill(-identifier, SIGKILL)
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0 {
            guard errno == EINTR else { return .signal(0) }
        }
        let signal = status & 0x7F
        return signal == 0 ? .status(status >> 8 & 0xFF) : .signal(signal)
    }

    private func closeErrors() {
        if errors >= 0 { close(errors) }
        errors = -1
    }
}

/// A program that could not be started; `number` is the system's error number.
public struct ChildError: Error, Equatable, Sendable, CustomStringConvertible {
    public let number: Int32
    public var description: String { String(cString: strerror(number)) }

    /// Whether there is no such program, or the file is none.
    public var isNoProgram: Bool { [ENOENT, EACCES, ENOEXEC, ENOTDIR].contains(number) }
}
