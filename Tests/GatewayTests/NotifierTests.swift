import Glibc
import SystemSupport
import TestSupport
import Testing
import TextSupport
import Wire

@testable import Gateway

/// Real programs, and requests to a real server.
@Suite(.timeLimit(.minutes(10))) struct NotifierTests {
    private let folder: TestFolder
    private let log = LogLines()

    init() throws { folder = try TestFolder() }

    private static let hostile = "a\"b'c\n$(touch PWNED)`touch PWNED`;\\x41 {\"x\":1}\u{202E}\t&|"

    private func event(_ number: Int = 1, label: String = "Siren") -> NotifiedEvent {
        NotifiedEvent(
            daemon: "kitchen", source: nil, id: Fixture.run.eventID(UInt64(number)), label: label,
            adapter: nil,
            state: .ongoing, begin: Timestamp.now, duration: 2.5, peakScore: 0.75)
    }

    private func command(_ script: String, limit: Double = 60) -> NotifyRule.Action {
        .command(["/bin/sh", "-c", script, "sh", folder.path], limitSeconds: limit)
    }

    private func webhook(_ url: String, _ change: (inout NotifyRule.Webhook) -> Void = { _ in })
        -> NotifyRule.Action
    {
        var webhook = NotifyRule.Webhook()
        webhook.url = url
        webhook.timeoutSeconds = 60
        change(&webhook)
        return .webhook(webhook)
    }

    /// Sends one notification.
    private func send(
        _ action: NotifyRule.Action, label: String = "Siren", isStopped: @escaping () -> Bool = { false }
    ) throws -> NotifyOutcome {
        let rule = NotifyRule(name: "rule", labels: ["*"], action: action)
        let text = NotifyText(event: event(label: label), rule: rule, node: "home")
        return Notifier.send(text, try Notifier.receiver(of: rule), isStopped: isStopped)
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try TestFolder.bytes(of: folder.file(name)), as: UTF8.self)
    }

    // MARK: Programs

    @Test func `A program gets the event as JSON and as variables; a hostile label stays data`() throws {
        let script = """
            cat > "$1/json"; printf %s "$ASTD_LABEL" > "$1/label"; printf %s "$ASTD_MESSAGE" > "$1/message"
            printf '%s %s %s' "$ASTD_DAEMON" "$ASTD_SCORE" "$ASTD_DURATION" > "$1/values"; env > "$1/env"
            cd "$1" && ls /proc/self/fd > descriptors
            """
        #expect(try send(command(script), label: Self.hostile) == .sent("status 0"))
        let json = try JSONObject(parsing: Array(try text("json").utf8))
        #expect(try json.requiredString("label") == Self.hostile)
        #expect(try json.requiredString("rule") == "rule" && json.requiredString("state") == "ongoing")
        #expect(try text("label") == Self.hostile)
        #expect(try text("message").hasPrefix(Self.hostile + " in kitchen at "))
        #expect(try text("values") == "kitchen 0.75 2.5")
        // Its standard streams and the directory that ls reads.
        #expect(try text("descriptors") == "0\n1\n2\n3\n")
        #expect(!TestFolder.exists(folder.file("PWNED")) && !TestFolder.exists("PWNED"))
        // Variables of the gateway, which may hold passwords, are not inherited.
        let names = Set(try text("env").split(separator: "\n").compactMap { $0.split(separator: "=").first })
        #expect(
            names.contains("PATH") && !names.contains("XDG_RUNTIME_DIR") && !names.contains("ASTD_CONFIG"))
    }

    @Test func `A program that hangs is killed at its limit, with everything that it has started`()
        async throws
    {
        let script = "echo $$ > \"$1/pid\"; (sleep 1000; true) & sleep 1000"
        #expect(try send(command(script, limit: 0.5)) == .refused("killed after 0.5 s"))
        let group = try #require(Int32(try text("pid").split(separator: "\n")[0]))
        try await eventually("the end of process group \(group)") { kill(-group, 0) != 0 }
    }

    @Test func `A program that leaves another behind does not hold up its rule`() throws {
        #expect(try send(command("sleep 1000 &")) == .sent("status 0"))
    }

    @Test func `Why a program failed is reported with its last message, without passwords`() throws {
        let script = "yes more | head -20000 >&2; echo 'no http://me:secret@host today' >&2; echo >&2; exit 3"
        #expect(try send(command(script)) == .refused("status 3: no http://***@host today"))
        #expect(try send(command("kill -TERM $$")) == .refused("ended by signal 15"))
        guard case .refused(let reason) = try send(.command(["/no/program"], limitSeconds: 1)) else {
            Issue.record("not refused")
            return
        }
        #expect(reason == "/no/program: No such file or directory")
    }

    @Test func `A program may write more than a pipe holds`() throws {
        let script = "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; exec >&-; sleep 0.2"
        #expect(try send(command(script)) == .sent("status 0"))
    }

    @Test func `The examples for Telegram and e-mail send the event, also with a hostile label`() async throws
    {
        let examples = #filePath.replacing("Tests/GatewayTests/NotifierTests.swift", with: "examples/notify/")
        let server = try await HTTPEndpoint(in: folder)
        func telegram(_ path: String) throws -> NotifyRule.Action {
            let settings = #"{"token": "1:s3cret", "chat_id": 4711, "server": "\#(server.url(path))"}"#
            return .command(
                [examples + "telegram.py", try folder.write(settings, to: "telegram.json")], limitSeconds: 60)
        }
        #expect(try send(try telegram("ok"), label: Self.hostile) == .sent("status 0"))
        let request = try #require(try server.requests("/ok/bot1:s3cret/sendMessage").first)
        let body = try JSONObject(parsing: Array(request.requiredString("body").utf8))
        #expect(try body.requiredInteger("chat_id", as: Int.self) == 4711)
        #expect(try body.requiredString("text").hasPrefix(Self.hostile + " in kitchen at "))
        #expect(
            try send(try telegram("status/403")) == .refused("status 1: Telegram answers 403: ok"))

        let mailServer = try await HTTPEndpoint(script: "smtp_endpoint.py", in: folder)
        let settings =
            #"{"host": "127.0.0.1", "port": \#(mailServer.port), "tls": "none", "from": "a@b", "to": "c@d"}"#
        let mail = NotifyRule.Action.command(
            [examples + "mail.py", try folder.write(settings, to: "mail.json")], limitSeconds: 60)
        #expect(try send(mail, label: "Siren\r\nBcc: e@f\n.\nX") == .sent("status 0"))
        let lines = try mailServer.program.standardOutput().split(separator: "\n").map(String.init)
        #expect(lines.contains("Subject: Siren Bcc: e@f . X") && lines.contains("To: c@d"), "\(lines)")
        #expect(lines.filter { $0.lowercased().hasPrefix("rcpt to:") } == ["rcpt TO:<c@d>"], "\(lines)")
        let header = lines.prefix { !$0.hasPrefix("Siren") }
        #expect(!header.contains { $0.hasPrefix("Bcc:") }, "\(lines)")
    }

    // MARK: Requests

    @Test func `Each format is a valid request, also with a hostile label`() async throws {
        let server = try await HTTPEndpoint(in: folder)
        let token = try folder.write("s3cret\n", to: "token")
        let label = Self.hostile
        #expect(
            try send(webhook(server.url("ok/json")) { $0.tokenFile = token }, label: label)
                == .sent("http://127.0.0.1:\(server.port): HTTP 200"))
        _ = try send(webhook(server.url("ok/topic/")) { $0.format = .ntfy }, label: label)
        _ = try send(webhook(server.url("ok/slack")) { $0.format = .slack }, label: label)
        _ = try send(webhook(server.url("ok/ha")) { $0.format = .homeAssistant }, label: label)
        _ = try send(
            webhook(server.url("ok/body")) {
                $0.body = "{\"a\": \"{label}\", \"b\": {score}, \"c\": {}}"
                $0.headers = [.init(name: "X-Test", value: "yes")]
            }, label: label)
        let requests = try server.requests()
        #expect(
            try requests.map { try $0.requiredString("path") } == [
                "/ok/json", "/ok/", "/ok/slack", "/ok/ha", "/ok/body",
            ])
        let bodies = try requests.map { try JSONObject(parsing: Array($0.requiredString("body").utf8)) }
        #expect(try bodies[0].requiredString("label") == label)
        #expect(
            try bodies[1].requiredString("topic") == "topic" && bodies[1].requiredString("title") == label)
        #expect(try bodies[2].requiredString("text").contains("\\x41 {\"x\":1}\u{202E}\t&amp;|"))
        #expect(try bodies[3].requiredString("message").hasPrefix(label))
        #expect(try bodies[4].requiredString("a") == label && bodies[4].requiredDouble("b") == 0.75)
        let headers = try requests.map { try $0.requiredObject("headers") }
        #expect(try headers.allSatisfy { try $0.requiredString("Content-Type") == "application/json" })
        #expect(try headers[0].requiredString("Authorization") == "Bearer s3cret")
        #expect(try headers[4].requiredString("X-Test") == "yes")
    }

    @Test func `Answers that are errors, redirects or too large are bounded`() async throws {
        let server = try await HTTPEndpoint(in: folder)
        let place = "http://127.0.0.1:\(server.port)"
        #expect(try send(webhook(server.url("status/500/secret"))) == .failed("\(place): HTTP 500"))
        #expect(try send(webhook(server.url("status/429"))) == .failed("\(place): HTTP 429"))
        #expect(try send(webhook(server.url("status/404"))) == .refused("\(place): HTTP 404"))
        let redirect = "\(place): HTTP 302; redirects are not followed: set the URL that this one leads to"
        #expect(try send(webhook(server.url("redirect"))) == .refused(redirect))
        #expect(try server.requests("/ok").isEmpty)
        #expect(try send(webhook(server.url("flood"))) == .sent("\(place): HTTP 200, answer cut"))
        let flood = try await eventually("the end of the flood") {
            try server.requests("/flood").first { try $0.integer("answered", as: Int.self) != nil }
        }
        #expect(try flood.requiredInteger("answered", as: Int.self) < 20_000_000)
        let hang = try send(webhook(server.url("hang")) { $0.timeoutSeconds = 0.5 })
        #expect(hang == .failed("\(place): Timeout was reached"))
        #expect(
            try send(webhook("http://127.0.0.1:1/secret"))
                == .failed("http://127.0.0.1:1: Couldn't connect to server"))
    }

    @Test func `A request stops with the gateway`() async throws {
        let server = try await HTTPEndpoint(in: folder)
        #expect(try send(webhook(server.url("hang")), isStopped: { true }) == .stopped)
    }

    @Test func `A server needs a certificate of a known authority and of its host name`() async throws {
        let (certificate, key) = (folder.file("cert.pem"), folder.file("key.pem"))
        for (name, subject) in [("right", "IP:127.0.0.1"), ("wrong", "DNS:example.org")] {
            let made = try await ChildProcess(
                [
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes",
                    "-keyout", key, "-out", certificate, "-subj", "/CN=test", "-addext",
                    "subjectAltName=\(subject)", "-days", "2",
                ], in: folder, package: "openssl"
            ).exit()
            try #require(made.code == 0, "\(made.errorLines)")
            let server = try await HTTPEndpoint(certificate: [certificate, key], in: folder)
            let (url, place) = ("https://127.0.0.1:\(server.port)/ok", "https://127.0.0.1:\(server.port)")
            let unknown = try send(webhook(url))
            #expect(
                unknown == .failed("\(place): SSL peer certificate or SSH remote key was not OK"), "\(name)")
            let known = try send(webhook(url) { $0.caFile = certificate })
            #expect(known == (name == "right" ? .sent("\(place): HTTP 200") : unknown), "\(name)")
        }
    }

    // MARK: Rules

    private func notifier(_ rules: [NotifyRule], retryMilliseconds: Int = 1) throws -> Notifier {
        var settings = GatewaySettings()
        settings.notify = rules
        let history = try History(path: ":memory:", logger: log.logger)
        return try Notifier(
            settings, history: history, logger: log.logger, retryMilliseconds: retryMilliseconds)
    }

    private func begin(_ numbers: ClosedRange<Int>) -> DaemonUpdate {
        .stored(
            numbers.map { number in
                .event(
                    EventRecord(
                        state: .begin, id: Fixture.run.eventID(UInt64(number)), seq: 1,
                        label: "Siren \(number)",
                        unixNanos: Timestamp.now.unixNanos, startSample: 0, endSample: 0, peakScore: 0.5,
                        duration: 0))
            })
    }

    @Test
    func `A rule whose receiver hangs delays no other, and drops its oldest notifications with a count`()
        async throws
    {
        let server = try await HTTPEndpoint(in: folder)
        let notifier = try notifier([
            NotifyRule(name: "hangs", labels: ["*"], action: webhook(server.url("hang"))),
            NotifyRule(name: "program", labels: ["*"], action: command("sleep 1000", limit: 600)),
            NotifyRule(name: "works", labels: ["*"], action: webhook(server.url("ok"))),
        ])
        let threads = try (0..<3).map { index in try NamedThread("test-notify") { notifier.run(rule: index) }
        }
        // Each has one in progress before the queues fill.
        notifier.update(begin(1...1), of: "kitchen")
        try await eventually("the first requests") {
            try server.requests("/hang").count == 1 && server.requests("/ok").count == 1
        }
        for number in 2...60 {
            notifier.update(begin(number...number), of: "kitchen")
            try await eventually("request \(number)") { try server.requests("/ok").count == number }
        }
        #expect(try server.requests("/hang").count == 1)
        notifier.stop()
        for thread in threads { try await completes("the rule's thread") { thread.join() } }
        let waiting = log.lines.filter { $0.contains("the gateway stops") }
        #expect(
            waiting.count == 2 && waiting.allSatisfy { $0.contains("reason=20 waited, 39 were dropped") },
            "\(waiting)")
    }

    @Test func `A request is repeated after errors that may pass, five times at most`() async throws {
        let server = try await HTTPEndpoint(in: folder)
        let notifier = try notifier([
            NotifyRule(name: "busy", labels: ["*"], action: webhook(server.url("status/503/token-in-path"))),
            NotifyRule(name: "gone", labels: ["*"], action: webhook(server.url("status/410/token-in-path"))),
        ])
        let threads = try (0..<2).map { index in try NamedThread("test-notify") { notifier.run(rule: index) }
        }
        notifier.update(begin(1...1), of: "kitchen")
        try await eventually("both failures") {
            log.lines.count { $0.contains("error a notification failed") } == 2
        }
        #expect(try server.requests("/status/503").count == Notifier.maximumAttempts)
        #expect(try server.requests("/status/410").count == 1)
        #expect(log.lines.count { $0.contains("trying again") } == 1)
        #expect(!log.lines.contains { $0.contains("token") }, "\(log.lines)")
        notifier.stop()
        for thread in threads { try await completes("the rule's thread") { thread.join() } }
    }
}
