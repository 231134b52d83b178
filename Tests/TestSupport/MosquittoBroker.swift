private import Glibc

/// An MQTT broker that belongs to one test, and a client that receives everything.
package final class MosquittoBroker {
    package let port: UInt16
    private let folder: TestFolder
    private var process: ChildProcess?

    /// Starts a broker on a free port of the loopback interface.
    ///
    /// - Parameter settings: More lines of its configuration.
    package init(in folder: TestFolder, settings: String = "") async throws {
        self.folder = folder
        port = try Self.freePort()
        try folder.write(
            """
            listener \(port) 127.0.0.1
            \(settings)
            allow_anonymous \(!settings.contains("allow_anonymous"))
            persistence true
            persistence_location \(folder.path)/
            user root
            """, to: "mosquitto.conf")
        try await start()
    }

    package var url: String { "mqtt://127.0.0.1:\(port)" }

    /// Starts the broker again after ``stop()``.
    package func start() async throws {
        let server = try ChildProcess(
            [Self.program, "-c", folder.file("mosquitto.conf")], in: folder, package: "mosquitto")
        process = server
        try await eventually("a broker at port \(port)") {
            if let code = server.exitCode() {
                throw TestFailure("mosquitto exited with \(code): \(try server.standardError())")
            }
            return Self.answers(port) ? true : nil
        } otherwise: {
            try server.standardError()
        }
    }

    /// Ends the broker, which keeps its retained messages.
    package func stop() async throws {
        process?.send(SIGTERM)
        _ = try await process?.exit()
        process = nil
    }

    /// Starts a client that prints each message below `topic` as `TOPIC PAYLOAD`, line by line.
    package func subscribe(to topic: String) async throws -> ChildProcess {
        let client = try ChildProcess(
            ["stdbuf", "-oL", "mosquitto_sub", "-p", "\(port)", "-q", "1", "-v", "-d", "-t", topic],
            in: folder,
            package: "mosquitto-clients")
        try await eventually("a subscription to \(topic)") {
            try client.standardOutput().contains("Subscribed") ? true : nil
        } otherwise: {
            try client.standardError()
        }
        return client
    }

    /// Sends a message.
    package func publish(_ payload: String, to topic: String, isRetained: Bool = false) async throws {
        let more = isRetained ? ["-r"] : []
        let client = try ChildProcess(
            ["mosquitto_pub", "-p", "\(port)", "-q", "1", "-t", topic, "-m", payload] + more, in: folder,
            package: "mosquitto-clients")
        let exit = try await client.exit()
        guard exit.code == 0 else { throw TestFailure("mosquitto_pub: \(exit.errorLines)") }
    }

    // Debian installs it where only root's PATH leads.
    private static var program: String {
        access("/usr/sbin/mosquitto", X_OK) == 0 ? "/usr/sbin/mosquitto" : "mosquitto"
    }

    private static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withGeneric(&address) { pointer in
            bind(descriptor, pointer, length) == 0 ? getsockname(descriptor, pointer, &length) : -1
        }
        guard code == 0 else { throw TestFailure("no free port: errno \(errno)") }
        return UInt16(bigEndian: address.sin_port)
    }

    /// Whether the broker closes a connection that has ended. The kernel accepts connections before that,
    /// and a broker that gets SIGTERM before its first turn ignores it.
    private static func answers(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port)
        let code = withGeneric(&address) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
        guard code == 0, shutdown(descriptor, Int32(SHUT_WR)) == 0 else { return false }
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, 0) >= 0 || errno == ECONNRESET
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func withGeneric(
        _ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>) -> Int32
    ) -> Int32 {
        // SAFETY: both are addresses of a socket of the same size; the pointer does not outlive the call.
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
        }
    }
}
