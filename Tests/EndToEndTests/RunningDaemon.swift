import Glibc
import TestSupport
import TextSupport
import Wire

/// An `astd run` that is ready, with its sockets in the test's folder.
struct RunningDaemon {
    let program: ChildProcess
    let folder: TestFolder
    let notifications: NotifySocket

    static let events = "events.sock"
    static let control = "astd.sock"

    /// Starts the daemon and waits for its READY=1.
    static func start(
        _ arguments: [String], model: String = Astd.model, input: String = "/dev/null",
        environment: [String: String] = [:], in folder: TestFolder
    ) async throws -> RunningDaemon {
        let notifications = try NotifySocket(folder.file("notify"))
        let program = try ChildProcess(
            [try Astd.path("astd"), "run", "--model", model, "--runtime-dir", folder.path] + arguments,
            in: folder, environment: environment.merging(["NOTIFY_SOCKET": notifications.path]) { $1 },
            input: input)
        try await eventually("READY=1 from astd") {
            if let code = program.exitCode() {
                throw TestFailure("astd exited at once with \(code): \(try program.standardError())")
            }
            return notifications.received().contains { $0.hasPrefix("READY=1") } ? () : nil
        }
        return RunningDaemon(program: program, folder: folder, notifications: notifications)
    }

    /// A new client of `events.sock`.
    func listen() throws -> RecordClient { try RecordClient(folder.file(Self.events)) }

    /// A new client of `astd.sock` that sends requests, and reads no more than it asks for.
    func control() throws -> RecordClient {
        try RecordClient(folder.file(Self.control), readsAhead: false)
    }

    /// A new client of `astd.sock` that is subscribed to every score.
    func subscribe() throws -> RecordClient {
        let client = try RecordClient(folder.file(Self.control))
        try client.subscribeToEverything()
        return client
    }

    /// Runs `astctl` with these arguments to its end.
    func astctl(_ arguments: String...) async throws -> ChildProcess.Exit {
        try await astctl(arguments: arguments)
    }

    func astctl(arguments: [String]) async throws -> ChildProcess.Exit {
        try await Astd.run(
            ["astctl"] + arguments + ["--socket", folder.file(Self.control)], in: folder)
    }

    /// What `astctl status` prints, with its wrapped lines joined.
    func statusText() async throws -> String {
        try await astctl("status").lines.joined(separator: "\n").replacing(/\n {9}/, with: " ")
    }

    func status() async throws -> StatusReport {
        let result = try await astctl("status", "--json")
        return try StatusReport(JSONObject(parsing: result.output))
    }
}

/// The datagram socket that systemd would have in NOTIFY_SOCKET.
final class NotifySocket {
    let path: String
    private let descriptor: Int32
    /// The last status line that was received.
    private var lastStatus: String?

    init(_ path: String) throws {
        self.path = path
        unlink(path)
        descriptor = socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard withSocketAddress(path, { bind(descriptor, $0, $1) }) == 0 else {
            throw TestFailure("\(path) could not be bound: errno \(errno)")
        }
    }

    deinit { close(descriptor) }

    /// The messages that came since the last call.
    func received() -> [String] {
        var messages: [String] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count >= 0 else { break }
            messages.append(String(decoding: buffer[..<count], as: UTF8.self))
        }
        let statuses = messages.flatMap { $0.split(separator: "\n") }.filter { $0.hasPrefix("STATUS=") }
        if let last = statuses.last { lastStatus = String(last.dropFirst(7)) }
        return messages
    }

    /// The status line that `systemctl status` shows now.
    func status() -> String? {
        _ = received()
        return lastStatus
    }
}

/// Lends the address of a Unix socket.
func withSocketAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    // SAFETY: sockaddr_un begins with the members of sockaddr; the pointer does not outlive the call.
    return withUnsafePointer(to: address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
