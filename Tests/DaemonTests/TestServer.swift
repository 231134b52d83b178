import Capture
import Glibc
import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle
import TestSupport
import Testing
import TextSupport
import Wire

@testable import Daemon

/// A socket server in a directory of its own.
struct TestServer {
    let directory: String
    let hub: EventHub
    let server: SocketServer
    let clients = ClientCounter()
    /// Holds back the reply to `reload`.
    let gate = Gate()

    var control: String { directory + "/astd.sock" }
    var events: String { directory + "/events.sock" }

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(
        directory: String, limits: EventHub.Limits = EventHub.Limits(), maximumClients: Int = 64,
        requestGraceSeconds: Double? = nil, shutdownGraceSeconds: Double = 0.5
    ) {
        self.directory = directory
        hub = EventHub(limits: limits, run: StubHandler.run)
        let configuration = SocketServerConfiguration(
            runtimeDirectory: directory, groupName: nil, maximumClients: maximumClients,
            requestGraceSeconds: requestGraceSeconds ?? shutdownGraceSeconds,
            shutdownGraceSeconds: shutdownGraceSeconds)
        server = SocketServer(
            configuration: configuration, hub: hub, handler: StubHandler(gate: gate), clients: clients,
            logger: Self.logger)
    }

    /// Runs `body` with a bound server; then closes it and removes its directory.
    static func with(
        limits: EventHub.Limits = EventHub.Limits(), maximumClients: Int = 64,
        _ body: (TestServer) async throws -> Void
    ) async throws {
        try await withDirectory { directory in
            let test = TestServer(directory: directory, limits: limits, maximumClients: maximumClients)
            try await test.server.bind()
            do {
                try await body(test)
            } catch {
                await test.server.close()
                throw error
            }
            await test.server.close()
        }
    }

    /// Runs `body` with a directory whose path is short enough for sockets.
    static func withDirectory(_ body: (String) async throws -> Void) async throws {
        let folder = try TestFolder()
        try await body(folder.path)
        withExtendedLifetime(folder) {}
    }

    /// Connects clients one after the other. When the last is greeted, the server's event loop has handled
    /// what earlier clients had sent before.
    func serveOthers() async throws {
        for _ in 0..<3 { _ = try await TestClient(events).line() }
    }

    static func prediction(_ seq: UInt64, labels: [(String, Float)] = [("Speech", 0.5)]) -> LiveRecord {
        .prediction(
            Prediction(
                seq: seq, unixNanos: 0, startSample: Int64(seq) * 16_000, endSample: Int64(seq + 1) * 16_000,
                levelDBFS: -20, latencyMs: 1, adapter: nil,
                labels: labels.enumerated().map { index, entry in
                    ScoredLabel(index: index, label: entry.0, score: entry.1)
                }))
    }
}

/// A gate that tasks wait at; a cancelled task passes it.
final class Gate: Sendable {
    private let (stream, continuation) = AsyncStream.makeStream(of: Void.self)

    func wait() async { for await _ in stream {} }

    func open() { continuation.finish() }
}

/// Records that the services of its group were started.
final class StartProbe: Service {
    private let started = NIOLockedValueBox(false)

    var hasStarted: Bool { started.withLockedValue { $0 } }

    func run() async throws {
        started.withLockedValue { $0 = true }
        try? await gracefulShutdown()
    }
}

/// A handler without a daemon: `explain` returns its label, `classify` the content of the passed file;
/// `reload` waits for the gate; all others fail.
struct StubHandler: RequestHandler {
    /// Holds back the reply to `reload` until it is open.
    var gate = Gate()

    static let run = RunID("5f0c9a3be2174c11")

    func warnings(about parameters: SubscribeParameters) -> [String] {
        parameters.labels?.contains("Sirn") == true ? ["no label `Sirn`; did you mean `Siren`?"] : []
    }

    func hello() -> Hello {
        Hello(run: Self.run, model: "stub", adapters: [nil], labels: 2, window: 10.24, hop: 1)
    }

    func handle(
        _ method: RPCMethod, params: JSONObject, from client: RequestClient
    ) async -> Result<JSONText, RPCError> {
        switch method {
        case .explain:
            let label = (try? params.string("label")) ?? nil
            return .success(JSONText { $0.string(label ?? "") })
        case .classify:
            let text = Self.text(await client.dequeueFile())
            return .success(JSONText { $0.string(text) })
        case .reload:
            await gate.wait()
            return .success(JSONText { $0.bool(true) })
        default:
            return .failure(RPCError(.unavailable, "not in the stub"))
        }
    }

    /// `none`, `several`, or the file's first byte.
    private static func text(_ received: PassedFiles.Received) -> String {
        switch received {
        case .none: return "none"
        case .several: return "several"
        case .one(let file):
            var byte: UInt8 = 0
            return pread(file.number, &byte, 1, 0) == 1 ? String(UnicodeScalar(byte)) : "unreadable"
        }
    }
}
