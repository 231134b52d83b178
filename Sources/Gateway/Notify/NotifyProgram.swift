private import Glibc
internal import SystemSupport

/// What became of a notification.
enum NotifyOutcome: Equatable, Sendable {
    /// With what the receiver said: `status 0`, `HTTP 200`.
    case sent(String)
    /// Trying again may help.
    case failed(String)
    /// Trying again does not help.
    case refused(String)
    /// The gateway stops.
    case stopped
}

/// Runs the program of a rule: without a shell, in a process group of its own, which is killed at the time
/// limit.
struct NotifyProgram {
    let arguments: [String]
    let limitSeconds: Double

    /// Variables of this process that the program gets; what is secret here stays here.
    private static let inherited = [
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_TIME", "TZ",
        "TMPDIR", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY",
    ]
    private static let maximumMessageBytes = 300
    private static let pollMilliseconds: Int32 = 100

    /// Runs the program to its end; blocks.
    ///
    /// - Parameters:
    ///   - input: Its standard input.
    ///   - variables: Added to its environment.
    func run(input: [UInt8], variables: [String], isStopped: () -> Bool) -> NotifyOutcome {
        let environment = Self.inherited.compactMap { name in
            getenv(name).map { "\(name)=" + PathText.text(cString: $0) }
        }
        let program: ChildProgram
        do throws(ChildError) {
            let input = try MemoryFile(input)
            defer { withExtendedLifetime(input) {} }
            program = try ChildProgram(
                path: arguments[0], arguments: Array(arguments.dropFirst()),
                environment: environment + variables, input: input.descriptor, limits: .none)
        } catch {
            return .refused("\(arguments[0]): \(error)")
        }
        return outcome(of: program, isStopped)
    }

    private func outcome(of program: ChildProgram, _ isStopped: () -> Bool) -> NotifyOutcome {
        let deadline = ContinuousClock.now + .seconds(limitSeconds)
        var message: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            if let exit = program.exitIfEnded() {
                // What it has written before its end; what it has left behind may write without limit.
                for _ in 0..<16 {
                    guard program.wait(milliseconds: 0) == .errors, let bytes = program.readErrors() else {
                        break
                    }
                    Self.append(bytes, to: &message)
                }
                return Self.outcome(of: exit, message)
            }
            if ContinuousClock.now >= deadline {
                return .refused("killed after \(limitSeconds) s" + Self.quoted(message))
            }
            if isStopped() { return .stopped }
            switch program.wait(milliseconds: Self.pollMilliseconds) {
            case .errors:
                Self.append(program.readErrors() ?? [], to: &message)
            case .output:
                if program.readOutput(into: &buffer, count: buffer.count) <= 0 { program.closeOutput() }
            case .nothing: break
            }
        }
    }

    /// Keeps the end.
    private static func append(_ bytes: [UInt8], to message: inout [UInt8]) {
        message += bytes
        message.removeFirst(max(0, message.count - maximumMessageBytes))
    }

    private static func outcome(of exit: ChildProgram.Exit, _ message: [UInt8]) -> NotifyOutcome {
        switch exit {
        case .status(0): .sent("status 0")
        case .status(let status): .refused("status \(status)" + quoted(message))
        case .signal(let signal): .refused("ended by signal \(signal)" + quoted(message))
        }
    }

    /// The last line of a program's messages: programs end with the reason, Python's tracebacks as well.
    private static func quoted(_ message: [UInt8]) -> String {
        let line = String(decoding: message, as: UTF8.self)
            .split(whereSeparator: \.isNewline).last { !$0.allSatisfy(\.isWhitespace) }
        return line.map { ": " + PathText.printable(Credentials.masked(String($0))) } ?? ""
    }
}
