private import Glibc
internal import SystemSupport

/// Starts the program of a `command:` source.
///
/// Threading: the source's thread, with which the program ends.
final class CommandOpener: LiveInputOpener {
    private let command: SourceCommand
    private var backoff = Backoff()

    /// The time from one start of the program to the next: 0.1 s after a run of ten seconds, doubling to 10 s
    /// after shorter ones.
    private struct Backoff {
        var waitNanos = Self.shortest
        var startNanos = Int64.zero
        static let (shortest, longest) = (Int64(100_000_000), 10 * SystemClock.nanosPerSecond)
    }

    init(_ command: SourceCommand) { self.command = command }

    func open() throws(CaptureError) -> any LiveInput {
        backoff.startNanos = SystemClock.monotonicNanos
        guard let path = command.programPath() else {
            throw lost("is not installed, or not in $PATH")
        }
        let nothing = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard nothing >= 0 else { throw lost("cannot be started (\(SystemError.text(errno)))") }
        let input = OwnedDescriptor(nothing)
        do throws(ChildError) {
            let child = try ChildProgram(
                path: path, arguments: Array(command.words.dropFirst()), environment: Self.environment(),
                input: input.number, limits: .none)
            return CommandInput(child, name: command.programName)
        } catch {
            throw lost("cannot be started (\(error))")
        }
    }

    func release() {}

    func nextWaitNanos(delivered: Bool) -> Int64 {
        let ran = SystemClock.monotonicNanos - backoff.startNanos
        if delivered && ran > Backoff.longest { backoff.waitNanos = Backoff.shortest }
        defer { backoff.waitNanos = min(2 * backoff.waitNanos, Backoff.longest) }
        return backoff.waitNanos
    }

    private func lost(_ reason: String) -> CaptureError {
        .streamLost(name: command.programName, reason: reason)
    }

    /// This process's own, without what concerns astd and its service manager.
    private static func environment() -> [String] {
        let own = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]
        return Environment.process.all.filter { !own.contains($0.key) && !$0.key.hasPrefix("LISTEN_") }
            .map { "\($0.key)=\($0.value)" }
    }
}

/// The output of a program.
final class CommandInput: LiveInput {
    private var child: ChildProgram?
    private let name: String
    private var messages = LastLine()

    /// A program that connects to a camera may need some time for its first byte.
    private static let firstByteNanos = 30 * SystemClock.nanosPerSecond
    private static let silenceNanos = 10 * SystemClock.nanosPerSecond

    init(_ child: ChildProgram, name: String) {
        self.child = child
        self.name = name
    }

    func wait(milliseconds: Int32) -> Bool {
        switch child?.wait(milliseconds: milliseconds) {
        case .output?, nil: return true
        case .errors?: readMessages()
        case .nothing?: break
        }
        return false
    }

    func read(into target: UnsafeMutableRawPointer, count: Int) -> Int {
        child?.readOutput(into: target, count: count) ?? 0
    }

    func giveUp(afterNanos idleNanos: Int64, hasDelivered: Bool) -> String? {
        let limit = hasDelivered ? Self.silenceNanos : Self.firstByteNanos
        guard idleNanos >= limit else { return nil }
        return text("has delivered nothing for \(limit / SystemClock.nanosPerSecond) seconds")
    }

    func reasonOfEnd() -> String {
        while child?.wait(milliseconds: 0) == .errors { readMessages() }
        let ended: String =
            switch child?.exit(milliseconds: 1000) {
            case .status(0)?: "has ended"
            case .status(let status)?: "has ended with status \(status)"
            case .signal(let signal)?: "was ended by signal \(signal)"
            case nil: "was ended"
            }
        return text(ended)
    }

    func reasonOfStall(seconds: Int64) -> String {
        while child?.wait(milliseconds: 0) == .errors { readMessages() }
        let line = messages.line.map { " (\(Credentials.masked($0)))" } ?? ""
        return "\(name) has delivered nothing for \(seconds) seconds\(line)"
    }

    func close() { child = nil }

    /// What it wrote last to standard error, which tells more than a status.
    private func text(_ ended: String) -> String {
        let line = messages.line.map { " (\(Credentials.masked($0)))" } ?? ""
        return "\(name) \(ended)\(line); starting it again"
    }

    private func readMessages() {
        if let bytes = child?.readErrors() { messages.append(bytes) }
    }
}

/// The last line of a text that arrives in pieces, at most 200 bytes of it.
struct LastLine {
    private var current: [UInt8] = []
    private var last: [UInt8] = []

    private static let limit = 200

    /// nil when there was none but empty ones. A line that has not ended yet counts.
    var line: String? {
        let bytes = current.isEmpty ? last : current
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }

    mutating func append(_ bytes: [UInt8]) {
        for byte in bytes {
            // A progress display ends its lines with a carriage return.
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                if !current.isEmpty { last = current }
                current = []
            } else if current.count < Self.limit && (byte != UInt8(ascii: " ") || !current.isEmpty) {
                current.append(byte)
            }
        }
    }
}
