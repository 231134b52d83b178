import Glibc
import SystemSupport
import Testing

@testable import Daemon
@testable import Systemd

@Suite struct ServiceNotifierTests {
    /// A bound datagram socket with a receive timeout.
    private func receiver(_ name: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        let address = try #require(UnixAddress(pathOrName: name))
        #expect(address.bind(descriptor) == 0)
        var timeout = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        return descriptor
    }

    private func message(_ descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }

    @Test func `Each notification is one datagram in systemd's format`() async throws {
        try await TestServer.withDirectory { directory in
            let descriptor = try receiver(directory + "/notify.sock")
            defer { close(descriptor) }
            let notifier = ServiceNotifier(address: directory + "/notify.sock", logger: TestServer.logger)
            notifier.ready(status: "listening\nto a mic")
            #expect(message(descriptor) == "READY=1\nSTATUS=listening to a mic")
            notifier.ready()
            #expect(message(descriptor) == "READY=1")
            notifier.status("paused")
            #expect(message(descriptor) == "STATUS=paused")
            notifier.watchdog()
            #expect(message(descriptor) == "WATCHDOG=1")
            notifier.stopping()
            #expect(message(descriptor) == "STOPPING=1")
        }
    }

    @Test func `The watchdog is notified of progress, at most as often as necessary`() async throws {
        try await TestServer.withDirectory { directory in
            let descriptor = try receiver(directory + "/notify.sock")
            defer { close(descriptor) }
            let notifier = ServiceNotifier(address: directory + "/notify.sock", logger: TestServer.logger)
            #expect(EngineWatchdog(notifier, seconds: nil) == nil, "the watchdog is disabled")
            var patient = try #require(EngineWatchdog(notifier, seconds: 4_000))
            patient.progress()
            patient.progress()
            notifier.status("after it")
            #expect(message(descriptor) == "WATCHDOG=1")
            #expect(message(descriptor) == "STATUS=after it", "the second was not due")
            var hasty = try #require(EngineWatchdog(notifier, seconds: 1e-9))
            for _ in 0..<3 {
                hasty.progress()
                #expect(message(descriptor) == "WATCHDOG=1")
            }
        }
    }

    @Test func `An address with an at sign is an abstract socket`() throws {
        let name = "@astd-test-\(getpid())"
        let descriptor = try receiver(name)
        defer { close(descriptor) }
        ServiceNotifier(address: name, logger: TestServer.logger).ready()
        #expect(message(descriptor) == "READY=1")
    }

    @Test func `Without an address nothing is sent, and a failure is only logged`() {
        let log = LogRecorder()
        ServiceNotifier(address: nil, logger: log.logger).ready()
        #expect(log.messages == [])
        ServiceNotifier(address: "/nonexistent/notify.sock", logger: log.logger).ready()
        #expect(log.messages == ["cannot notify systemd"])
        ServiceNotifier(address: String(repeating: "x", count: 200), logger: log.logger).ready()
        #expect(log.messages == ["cannot notify systemd", "NOTIFY_SOCKET is not a socket address"])
    }
}
