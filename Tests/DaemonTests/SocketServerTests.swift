import TextSupport
import Glibc
import Logging
import ServiceLifecycle
import TestSupport
import Testing
import Wire

@testable import Daemon

@Suite(.timeLimit(.minutes(10))) struct SocketServerTests {
    private func mode(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
    }

    @Test func `Both sockets have mode 0660, and a missing directory is created`() async throws {
        try await TestServer.withDirectory { parent in
            let test = TestServer(directory: parent + "/run")
            try await test.server.bind()
            #expect(mode(test.control) == 0o660)
            #expect(mode(test.events) == 0o660)
            #expect(mode(test.directory) == 0o755)
            await test.server.close()
            #expect(mode(test.control) == nil)
            #expect(mode(test.events) == nil)
            rmdir(test.directory)
        }
    }

    @Test func `The socket file of a dead daemon is replaced`() async throws {
        try await TestServer.withDirectory { directory in
            let stale = try ListeningSocket(path: directory + "/astd.sock", mode: 0o600, group: nil)
            close(stale.descriptor)
            let test = TestServer(directory: directory)
            try await test.server.bind()
            let client = try TestClient(test.control)
            #expect(try await client.record() == .hello(StubHandler().hello()))
            await test.server.close()
        }
    }

    @Test func `Removed socket files are recreated, and connected clients stay connected`() async throws {
        try await TestServer.withDirectory { directory in
            let test = TestServer(directory: directory)
            try await test.server.bind()
            let serving = Task { try await test.server.run() }
            let early = try TestClient(test.control)
            _ = try await early.record()
            unlink(test.control)
            unlink(test.events)
            try await eventually("both socket files") {
                [mode(test.control), mode(test.events)]
            } until: {
                $0 == [0o660, 0o660]
            }
            for path in [test.control, test.events] {
                // The file exists a moment before the server listens.
                let late = try await eventually("an answer at \(path)") { try? TestClient(path) }
                #expect(try await late.record() == .hello(StubHandler().hello()))
            }
            #expect(try await early.request("explain", #"{"label":"still here"}"#) != nil)
            serving.cancel()
            _ = await serving.result
            #expect(mode(test.control) == nil && mode(test.events) == nil)
        }
    }

    @Test func `A second daemon is refused, and the first keeps serving`() async throws {
        try await TestServer.with { first in
            let second = TestServer(directory: first.directory)
            await #expect(throws: SocketServerError.anotherDaemon(path: first.control)) {
                try await second.server.bind()
            }
            await second.server.close()
            let client = try TestClient(first.control)
            #expect(try await client.record() == .hello(StubHandler().hello()))
        }
    }

    @Test
    func
        `A daemon whose socket files were removed keeps its clients, and does not remove the next daemon's files`()
        async throws
    {
        try await TestServer.withDirectory { directory in
            let first = TestServer(directory: directory)
            try await first.server.bind()
            let client = try TestClient(first.control)
            _ = try await client.line()
            for path in [first.control, first.events] { #expect(unlink(path) == 0) }
            #expect(try await client.request("explain") == .result(id: .number("1"), .string("")))
            let second = TestServer(directory: directory)
            try await second.server.bind()
            await first.server.close()
            let late = try TestClient(second.control)
            #expect(try await late.record() == .hello(StubHandler().hello()))
            await second.server.close()
        }
    }

    @Test func `The socket files get the configured group if it exists`() async throws {
        try await TestServer.withDirectory { directory in
            let own = try #require(getgrgid(getegid()).map { String(cString: $0.pointee.gr_name) })
            let others = try #require(RuntimeDirectory.groupID(named: "nogroup"))
            for (name, wanted) in [(own, getegid()), ("nogroup", geteuid() == 0 ? others : getegid())] {
                let configuration = SocketServerConfiguration(runtimeDirectory: directory, groupName: name)
                let server = SocketServer(
                    configuration: configuration, hub: EventHub(), handler: StubHandler(),
                    logger: TestServer.logger)
                try await server.bind()
                var status = stat()
                #expect(lstat(directory + "/astd.sock", &status) == 0 && status.st_gid == wanted)
                #expect(lstat(directory + "/events.sock", &status) == 0 && status.st_gid == wanted)
                await server.close()
            }
        }
    }

    @Test func `If the second socket is taken, the first is removed again`() async throws {
        try await TestServer.withDirectory { directory in
            let other = try ListeningSocket(path: directory + "/events.sock", mode: 0o600, group: nil)
            listen(other.descriptor, 1)
            defer { other.discard() }
            let test = TestServer(directory: directory)
            await #expect(throws: SocketServerError.anotherDaemon(path: test.events)) {
                try await test.server.bind()
            }
            #expect(mode(test.control) == nil)
            #expect(mode(test.events) != nil)
        }
    }

    @Test func `A file that is not a socket is not replaced`() async throws {
        try await TestServer.withDirectory { directory in
            let test = TestServer(directory: directory)
            close(open(test.control, O_CREAT | O_WRONLY, 0o600))
            await #expect(throws: SocketServerError.notASocket(path: test.control)) {
                try await test.server.bind()
            }
            #expect(mode(test.control) == 0o600)
        }
    }

    @Test func `The errors for a too long path and for a missing directory name it`() async throws {
        try await TestServer.withDirectory { directory in
            let long = directory + "/" + String(repeating: "d", count: 100)
            let test = TestServer(directory: long)
            let error = SocketServerError.pathTooLong(
                path: test.control, bytes: test.control.utf8.count, limit: 107)
            await #expect(throws: error) { try await test.server.bind() }
            rmdir(long)

            let orphan = TestServer(directory: directory + "/no/where")
            await #expect(throws: SocketServerError.directory(path: orphan.directory, code: ENOENT)) {
                try await orphan.server.bind()
            }
            #expect(
                "\(SocketServerError.directory(path: "/x", code: ENOENT))"
                    == "runtime directory /x: No such file or directory: create the directory above it, or choose another --runtime-dir"
            )
        }
    }

    @Test func `Clients beyond the limit are refused with the reason`() async throws {
        try await TestServer.with(maximumClients: 50) { test in
            let clients = try (0..<200).map { _ in try TestClient(test.control) }
            var served: [TestClient] = []
            var refused = 0
            for client in clients {
                let line = try #require(try await client.line())
                switch try RPCMessage(line: Array(line.utf8)) {
                case .record(.hello):
                    served.append(client)
                case .failure(.null, let error):
                    #expect(error.code == .tooManyClients)
                    #expect(try await client.line() == nil)
                    refused += 1
                default:
                    Issue.record("\(line)")
                }
            }
            #expect(served.count == 50)
            #expect(refused == 150)
            #expect(try await served[0].request("explain") == .result(id: .number("1"), .string("")))
            served[1].disconnect()
            try await eventually("49 clients") {
                test.clients.count
            } until: {
                $0 == 49
            }
            let late = try TestClient(test.control)
            #expect(try await late.record() == .hello(StubHandler().hello()))
        }
    }

    @Test func `A graceful shutdown sends queued records and does not wait for a stuck client`() async throws
    {
        try await TestServer.withDirectory { directory in
            let test = TestServer(directory: directory)
            try await test.server.bind()
            let probe = StartProbe()
            let group = ServiceGroup(services: [test.server, probe], logger: TestServer.logger)
            let running = Task { try await group.run() }
            // A group that is shut down before it has started refuses to run, and the sockets would stay
            // open.
            try await eventually("the start of the group", that: { probe.hasStarted })
            let stuck = try TestClient(test.events)
            _ = try await stuck.line()
            for seq in 1...4_000 { test.hub.publish(TestServer.prediction(UInt64(seq))) }
            #expect(test.hub.lostRecords > 0)
            let busy = try TestClient(test.control)
            _ = try await busy.line()
            try await busy.send(#"{"jsonrpc":"2.0","id":1,"method":"reload"}"#)
            let reader = try TestClient(test.events)
            _ = try await reader.line()
            for seq in 1...20 { test.hub.publish(TestServer.prediction(UInt64(seq))) }
            await group.triggerGracefulShutdown()
            for seq in 1...20 { #expect(try await reader.record() == TestServer.prediction(UInt64(seq))) }
            #expect(try await reader.line() == nil)
            #expect(try await busy.message() == .failure(id: .number("1"), .interrupted))
            #expect(try await busy.line() == nil)
            try await running.value
            #expect(mode(test.control) == nil)
        }
    }

    @Test func `Cancelling the service also closes the sockets`() async throws {
        try await TestServer.withDirectory { directory in
            let test = TestServer(directory: directory)
            let running = Task { try await test.server.run() }
            try await eventually("the socket file", that: { mode(test.events) != nil })
            running.cancel()
            try await running.value
            #expect(mode(test.events) == nil)
        }
    }
}
