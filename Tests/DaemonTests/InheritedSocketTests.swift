import Glibc
import Testing
import Wire

@testable import Daemon

@Suite(.timeLimit(.minutes(10))) struct InheritedSocketTests {
    @Test func `A socket passed by systemd is served, and its file is not removed`() async throws {
        try await TestServer.withDirectory { directory in
            let passed = try ListeningSocket(path: directory + "/events.sock", mode: 0o666, group: nil)
            listen(passed.descriptor, 8)
            let early = try TestClient(directory + "/events.sock")  // Before the daemon starts.
            let configuration = SocketServerConfiguration(
                runtimeDirectory: directory, groupName: nil,
                inherited: InheritedSockets(descriptors: [STDIN_FILENO, passed.descriptor]))
            let server = SocketServer(
                configuration: configuration, hub: EventHub(), handler: StubHandler(),
                logger: TestServer.logger)
            try await server.bind()
            #expect(try await early.record() == .hello(StubHandler().hello()))
            let control = try TestClient(directory + "/astd.sock")
            #expect(try await control.record() == .hello(StubHandler().hello()))
            await server.close()
            #expect(access(directory + "/events.sock", F_OK) == 0)
            #expect(access(directory + "/astd.sock", F_OK) != 0)
        }
    }

    @Test func `Other descriptors are ignored`() async throws {
        try await TestServer.withDirectory { directory in
            let other = try ListeningSocket(path: directory + "/notify.sock", mode: 0o600, group: nil)
            defer { other.discard() }
            let sockets = InheritedSockets(descriptors: [other.descriptor, 9_999])
            #expect(sockets.control?.path == nil)
            #expect(sockets.events?.path == nil)
        }
    }
}
