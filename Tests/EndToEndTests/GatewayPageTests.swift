import Glibc
import TestSupport
import Testing
import TextSupport

/// `astd-gateway run` with `http`, beside a real daemon, as curl sees it.
@Suite(.timeLimit(.minutes(10)))
struct GatewayPageTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func configuration(_ http: String) throws -> String {
        try folder.write(
            """
            node: test
            daemons: {kitchen: \(folder.path)}
            history: {path: \(folder.file("h.sqlite")), clips: [\(folder.file("clips"))]}
            http: \(http)

            """, to: "gateway.yaml")
    }

    private func daemon() async throws -> RunningDaemon {
        mkdir(folder.file("clips"), 0o700)
        let settings = """
            activation: none
            detection: {on: -100, allow: [Speech]}
            clips: {directory: \(folder.file("clips")), maximum_seconds: 1}
            """
        return try await RunningDaemon.start(
            [
                "--source", "file:\(try SeededClip.longSilence(in: folder))", "--hop", "0.25", "--config",
                try folder.write(settings.utf8, to: "astd.yaml"),
            ], in: folder)
    }

    /// A gateway, and the address of its page.
    private func gateway(_ http: String) async throws -> (program: ChildProcess, address: String) {
        let program = try Astd.start(
            ["astd-gateway", "run", "--config", try configuration(http)], in: folder)
        let address = try await eventually("the address of the page") {
            try program.standardError().firstMatch(of: /address=(http:\S+:\d+)/).map { String($0.1) }
        } otherwise: {
            try program.standardError()
        }
        return (program, address)
    }

    private func curl(_ arguments: [String]) async throws -> ChildProcess.Exit {
        try await ChildProcess(["curl", "-sS"] + arguments, in: folder, package: "curl").exit()
    }

    private func get(_ address: String) async throws -> JSONObject {
        try JSONObject(parsing: try await curl([address]).output)
    }

    private func post(_ address: String, _ body: String) async throws -> JSONObject {
        let exit = try await curl(["-H", "Content-Type: application/json", "-d", body, address])
        return try JSONObject(parsing: exit.output)
    }

    @Test func `The page shows the daemon, controls it, plays clips, and says when it is away`() async throws
    {
        let daemon = try await daemon()
        let (gateway, address) = try await gateway("{listen: '127.0.0.1:0', control: true}")
        func health() async throws -> String { try await get(address + "/healthz").requiredString("status") }
        try await eventually("health", { try await health() }) { $0 == "ok" }
        let live = try ChildProcess(["curl", "-sSN", address + "/api/live"], in: folder, package: "curl")
        try await eventually("records") {
            let text = try live.standardOutput()
            return ["daemon", "prediction"].allSatisfy { text.contains("event: \($0)\n") }
        }
        let events = try await eventually(
            "an event", { try await get(address + "/api/events").objects("events") }
        ) {
            $0?.count == 1
        }
        let id = try #require(try events?.first?.requiredString("id"))

        let paused = try await post(address + "/api/control/pause", #"{"daemon":"kitchen"}"#)
        #expect(try paused.bool("paused") == true)
        #expect(try await daemon.statusText().contains("paused"))
        try await eventually("the end of the event") {
            let text = try live.standardOutput()
            return text.contains(#""state":"end","id":"\#(id)""#) && text.contains("event: source\n")
        }
        let clip = try await eventually("its clip", { try await curl(["-i", address + "/api/clips/" + id]) })
        {
            $0.lines.first?.contains("200") == true
        }
        #expect(clip.output.count > 30_000)
        let reviewed = try await post(address + "/api/events/\(id)/review", #"{"review":"wrong"}"#)
        #expect(try reviewed.string("review") == "wrong" && reviewed.string("clip") == "/api/clips/" + id)
        let labels = try await get(address + "/api/labels")
        #expect(try labels.strings("labels")?.contains("Speech") == true)
        let explained = try await get(address + "/api/explain?label=Speech")
        #expect(try explained.string("state") == "paused" && explained.string("daemon") == "kitchen")
        let refused = try await post(address + "/api/control/adapter", #"{"adapter":"none"}"#)
        #expect(try refused.object("error")?.string("code") == "daemon_refused")
        #expect(try await post(address + "/api/control/resume", "{}").bool("paused") == false)

        daemon.program.kill()
        try await eventually("the loss", { try await health() }) { $0 == "degraded" }
        try await eventually("the reason") { try live.standardOutput().contains("no daemon answers at") }
        let next = try await self.daemon()
        try await eventually("the next daemon", { try await health() }) { $0 == "ok" }
        gateway.send(SIGTERM)
        #expect(try await gateway.exit().code == 0)
        // The gateway ends its streams.
        _ = try await live.exit()
        next.program.kill()
    }

    @Test func `Another address than loopback needs a token`() async throws {
        let open = try await Astd.run(
            ["astd-gateway", "run", "--config", try configuration("{listen: '0.0.0.0:0'}")], in: folder)
        #expect(open.code == 78)
        #expect(open.errorLines.first?.contains("invalid value '0.0.0.0:0' for http.listen") == true)
        let token = try folder.write("0123456789abcdef0123456789abcdef\n".utf8, to: "token")
        let (gateway, address) = try await gateway("{listen: '0.0.0.0:0', token_file: \(token)}")
        let local = address.replacing("0.0.0.0", with: "127.0.0.1")
        func status(_ arguments: String...) async throws -> String {
            let options = ["-o", "/dev/null", "-w", "%{http_code}", local + "/api/status"]
            return String(decoding: try await curl(arguments + options).output, as: UTF8.self)
        }
        #expect(try await status() == "401")
        #expect(try await status("-u", "any:0123456789abcdef0123456789abcdef") == "200")
        #expect(try await status("-u", "any:wrong") == "401")
        gateway.kill()
        let shown = try await Astd.run(
            ["astd-gateway", "run", "--check-config", "--config", folder.file("gateway.yaml")], in: folder)
        #expect(shown.code == 0 && shown.lines.contains { $0.hasPrefix("  token_file: \(token)") })
        #expect(!shown.lines.joined().contains("0123456789abcdef"))
    }

    @Test func `Output that cannot be written fails, and a missing history names the file of the setting`()
        async throws
    {
        let folder = try TestFolder()
        let file = try folder.write("node: a\n".utf8, to: "gateway.yaml")
        let program = try Astd.path("astd-gateway")
        let full = try await ChildProcess(
            ["/bin/sh", "-c", "'\(program)' run --check-config --config '\(file)' > /dev/full"], in: folder
        ).exit()
        #expect(full.code == 1 && full.errorLines.joined().contains("No space left on device"))
        let events = try await Astd.run(["astd-gateway", "events", "--config", file], in: folder)
        #expect(events.code == 1 && events.errorLines.joined().hasSuffix("set history.path in \(file)"))
    }
}
