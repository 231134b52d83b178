import TestSupport
import Testing
import TextSupport
import Wire

@testable import Gateway

/// The HTTP server of the page: what it serves, and what it refuses.
@Suite(.timeLimit(.minutes(10))) struct PageServerTests {
    @Test func `Files of the page have their types, tags and a policy without inline scripts`() async throws {
        let page = try PageFixture()
        let answer = try await page.get("/")
        #expect(answer.status == 200 && answer.text.hasPrefix("<!doctype html>"))
        #expect(answer.headers["content-type"] == "text/html; charset=utf-8")
        let policy = answer.headers["content-security-policy"] ?? ""
        #expect(policy.hasPrefix("default-src 'none'; script-src 'self'; style-src 'self';"))
        #expect(!policy.contains("unsafe"))
        #expect(answer.headers["x-content-type-options"] == "nosniff")
        #expect(answer.headers["referrer-policy"] == "no-referrer")
        #expect(try await page.get("/page.css").headers["content-type"] == "text/css; charset=utf-8")
        let tag = try #require(answer.headers["etag"])
        let same = try await page.get("/index.html", ["If-None-Match: \(tag)"])
        #expect(same.status == 304 && same.body.isEmpty && same.headers["etag"] == tag)
        let head = try await page.request("HEAD", "/")
        #expect(head.status == 200 && head.headers["content-length"] == "\(answer.body.count)")
    }

    @Test(arguments: [
        "localhost", "LOCALHOST:8717", "127.0.0.1:1", "[::1]:8717", "192.168.1.7", "sounds.example.org",
        "sounds.example.org.",
    ])
    func `The page is opened by an address or a name of its own`(host: String) async throws {
        #expect(try await PageFixture().get("/", ["Host: \(host)"]).status == 200)
    }

    @Test(arguments: [
        ("evil.example", 403), ("127.0.0.1.evil.example", 403), ("localhost.evil.example:8717", 403),
        ("[::1", 400), ("", 400), ("a:b", 400), ("sounds.example.org, evil.example", 403),
    ])
    func `Another host name is refused`(host: String, status: Int) async throws {
        for path in ["/", "/api/status", "/healthz"] {
            #expect(try await PageFixture().get(path, ["Host: \(host)"]).status == status, "\(path)")
        }
    }

    @Test func `Behind a proxy, the name of the browser decides, and X-Forwarded headers change nothing`()
        async throws
    {
        let token = "Authorization: Bearer 0123456789abcdef"
        let page = try PageFixture(token: "0123456789abcdef")
        let path = "/api/events/\(PageFixture.id(1))/review"
        func status(_ headers: [String]) async throws -> Int {
            try await page.request("POST", path, headers + [token], body: #"{"review":"right"}"#).status
        }
        let name = "sounds.example.org:8443"
        #expect(try await status(["Host: \(name)", "Origin: https://\(name)"]) == 200)
        // Proxies that do not pass on the port, or the name.
        #expect(try await status(["Host: sounds.example.org", "Origin: https://\(name)"]) == 403)
        let forwarded = ["X-Forwarded-Host: \(name)", "X-Forwarded-Proto: https", "Forwarded: host=\(name)"]
        #expect(try await status(["Host: localhost", "Origin: https://\(name)"] + forwarded) == 403)
        #expect(try await status(["Host: evil.example", "X-Forwarded-Host: localhost"]) == 403)
        var statuses: [Int] = []
        for number in 1...25 {
            let headers = ["Authorization: Bearer wrong", "X-Forwarded-For: 192.0.2.\(number)"]
            statuses.append(try await page.get("/", headers).status)
        }
        #expect(statuses.last == 429)
    }

    @Test func `A change needs JSON and the page's own origin`() async throws {
        let page = try PageFixture()
        let path = "/api/events/\(PageFixture.id(1))/review"
        func status(_ headers: [String], body: String? = #"{"review":"right"}"#) async throws -> Int {
            try await page.request("POST", path, headers, body: body).status
        }
        let port = page.server.port
        #expect(try await status(["Host: localhost:\(port)", "Origin: http://localhost:\(port)"]) == 200)
        #expect(try await status(["Host: sounds.example.org", "Origin: https://sounds.example.org"]) == 200)
        #expect(try await status([]) == 200)
        for origin in [
            "http://evil.example", "null", "http://localhost:1", "http://localhost.evil.example", "",
        ] {
            #expect(try await status(["Origin: \(origin)"]) == 403, "\(origin)")
        }
        #expect(try await status(["Sec-Fetch-Site: cross-site"]) == 403)
        // What a form can send.
        for type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"] {
            let headers = ["Content-Type: \(type)", "Content-Length: 0"]
            #expect(try await status(headers, body: nil) == 415, "\(type)")
        }
        #expect(try await page.request("PUT", path).status == 405)
        let wrong = try await page.get(path)
        #expect(wrong.status == 405 && wrong.headers["allow"] == "POST")
    }

    @Test(arguments: [
        "/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/index.html/", "//",
        "/Files/index.html", "/api", "/api/", "/api/nothing", "/api/clips/..%2F..%2Fetc%2Fpasswd",
        "/api/clips/../../etc/passwd", "/api/clips/",
    ])
    func `A path that is none of the page's is not found`(path: String) async throws {
        let answer = try await PageFixture().get(path)
        #expect(answer.status == 404 && answer.code == "not_found")
    }

    @Test func `What is not a request is refused`() async throws {
        let page = try PageFixture()
        for path in ["/%", "/%zz", "/%ff", "/%00", "/%0d%0aX", "http://localhost/", "*"] {
            #expect(try await page.get(path).status == 400, "\(path)")
        }
        for text in ["nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n"] {
            let client = try page.client()
            client.send(text)
            #expect(try await client.answer().status == 400, "\(text)")
            try await client.closed()
        }
        // Two lengths, as for smuggling a second request.
        let client = try page.client()
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(try await client.answer().status == 400)
    }

    @Test func `Headers, bodies and paths that are too large are refused`() async throws {
        let page = try PageFixture()
        let large = try page.client()
        // Ten megabytes: the server does not take them.
        large.send("GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        let piece = [UInt8](repeating: 0x61, count: 1 << 20)
        for _ in 0..<10 where !large.send(piece) { break }
        #expect(try await large.answer().status == 431)
        try await large.closed()
        let many = (1...100).map { "X-\($0): 1" }
        #expect(try await page.get("/", many).status == 431)
        #expect(try await page.get("/" + String(repeating: "a", count: 9000)).status == 400)
        let path = "/api/events/a-1/review"
        let body = #"{"review":"\#(String(repeating: "a", count: 70_000))"}"#
        #expect(try await page.request("POST", path, body: body).status == 413)
        let chunked = try page.client()
        chunked.send("POST", path, ["Content-Type: application/json", "Transfer-Encoding: chunked"])
        for _ in 1...9 where !chunked.send(Array("2000\r\n".utf8) + piece[..<8192] + Array("\r\n".utf8)) {
            break
        }
        #expect(try await chunked.answer().status == 413)
        // Deep, and many values.
        let deep = String(repeating: "[", count: 60_000)
        #expect(try await page.request("POST", path, body: deep).status == 400)
        #expect(try await page.get("/").status == 200)
    }

    @Test func `A request that does not arrive in time is closed, and delays no other`() async throws {
        var limits = PageLimits()
        limits.requestSeconds = 0.3
        limits.idleSeconds = 0.3
        let page = try PageFixture(limits: limits)
        let (silent, partial, body) = (try page.client(), try page.client(), try page.client())
        partial.send("GET / HTTP/1.1\r\nHost: loc")
        body.send("POST", "/api/control/pause", ["Content-Type: application/json", "Content-Length: 9"])
        #expect(try await page.get("/healthz").status == 503)
        for client in [silent, partial, body] { try await client.closed() }
        // So is a connection without a next request.
        let idle = try page.client()
        idle.send("GET", "/")
        #expect(try await idle.answer().status == 200)
        try await idle.closed()
    }

    @Test(arguments: [50_000, 4_000_000])
    func `A client that does not read its answer is reset, one that does is not`(bytes: Int) async throws {
        var limits = PageLimits()
        (limits.idleSeconds, limits.stallSeconds) = (0.3, 0.3)
        let id = PageFixture.id(1)
        func fixture() throws -> PageFixture {
            let page = try PageFixture(limits: limits)
            let name = "clips/astd-20260131T000001.000Z-\(id)-Siren.wav"
            try page.folder.write([UInt8](repeating: 1, count: bytes), to: name)
            return page
        }
        var page = try fixture()
        // The smaller answer fits into the kernel's buffer, and is complete for the server.
        let slow = try page.client(receiveBytes: 4096)
        slow.send("GET", "/api/clips/\(id)")
        try await eventually("the begin of the answer") { slow.hasInput }
        try await eventually("the end of the slow client") {
            // The one that asks is left.
            try await page.get("/metrics").text.contains("astd_gateway_http_connections 1\n")
        }
        try await slow.closed()
        #expect(slow.isReset)
        // However slow this machine is.
        limits.stallSeconds = 600
        page = try fixture()
        let fast = try page.client()
        fast.send("GET", "/api/clips/\(id)")
        #expect(try await fast.answer().body.count == bytes)
        try await fast.closed()
        #expect(!fast.isReset)
    }

    @Test func `Answers that nobody reads have a limit in all`() async throws {
        var limits = PageLimits()
        limits.answerBytes = 2_000_000
        let page = try PageFixture(limits: limits)
        // 40,000 bytes each, and more than the buffers of the kernel hold.
        let request = "GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
        let slow = try (1...8).map { _ in try page.client(receiveBytes: 4096) }
        for client in slow { client.send(String(repeating: request, count: 40)) }
        try await eventually("a refusal for lack of room") {
            let answer = try await page.get("/api/openapi.json")
            return answer.status == 503 && answer.code == "busy"
        }
        // Those that read have room again.
        var count = 0
        for client in slow { for _ in 1...40 where try await client.answer().status == 200 { count += 1 } }
        #expect(count > 40)
        #expect(try await page.get("/api/openapi.json").status == 200)
    }

    @Test func `More connections than the limit are closed, until there is room`() async throws {
        var limits = PageLimits()
        limits.connections = 16
        let page = try PageFixture(limits: limits)
        var clients: [PageClient] = []
        for _ in 1...16 {
            let client = try page.client()
            client.send("GET", "/healthz")
            _ = try await client.answer()
            clients.append(client)
        }
        let refused = try page.client()
        try await refused.closed()
        clients.removeAll()
        try await eventually("room") {
            let client = try page.client()
            client.send("GET", "/")
            try await eventually("an answer, or the end") { !client.text.isEmpty || client.isClosed }
            return client.text.hasPrefix("HTTP/1.1 200")
        }
    }

    @Test func `Requests of one connection are answered in order`() async throws {
        let page = try PageFixture()
        let client = try page.client()
        let names = ["page.css", "index.html", "api/events", "page.css", "none"]
        client.send(names.map { "GET /\($0) HTTP/1.1\r\nHost: localhost\r\n\r\n" }.joined())
        var types: [String] = []
        for _ in names { types.append(try await client.answer().headers["content-type"] ?? "") }
        #expect(
            types == [
                "text/css; charset=utf-8", "text/html; charset=utf-8", "application/json",
                "text/css; charset=utf-8", "application/json",
            ])
    }

    @Test func `Without the token nothing is answered, and wrong ones are limited`() async throws {
        let page = try PageFixture(token: "0123456789abcdef\n")
        for path in ["/", "/api/status", "/api/live", "/healthz", "/metrics", "/none"] {
            let answer = try await page.get(path)
            #expect(answer.status == 401 && answer.code == "unauthorized", "\(path)")
            #expect(answer.headers["www-authenticate"]?.hasPrefix("Basic realm=") == true)
        }
        // astd:0123456789abcdef
        let right = "Authorization: Basic YXN0ZDowMTIzNDU2Nzg5YWJjZGVm"
        #expect(try await page.get("/", [right]).status == 200)
        #expect(try await page.get("/", ["Authorization: Bearer 0123456789abcdef"]).status == 200)
        let wrong = [
            "Bearer 0123456789abcdeg", "Bearer 0123456789abcdef0", "Bearer 0123456789abcde", "Bearer ",
            "Basic",
            "Basic ====", "Basic YXN0ZA==", "Digest 0123456789abcdef", "0123456789abcdef",
        ]
        for value in wrong {
            #expect(try await page.get("/", ["Authorization: \(value)"]).status == 401, "\(value)")
        }
        var statuses: [Int] = []
        for _ in 1...25 {
            statuses.append(try await page.get("/", ["Authorization: Bearer wrong"]).status)
        }
        #expect(statuses.first == 401 && statuses.last == 429)
        // Also the right one, or the limit would not slow down a search.
        #expect(try await page.get("/", [right]).status == 429)
        #expect(!page.log.lines.joined().contains("0123456789abcdef"))
    }

    @Test func `A token that can be guessed is refused at the start`() throws {
        let error = #expect(throws: GatewayError.self) { try PageFixture(token: "short") }
        #expect(error?.description.contains("less than 16 bytes") == true)
    }

    @Test func `A port in use is an error with its reason`() throws {
        let page = try PageFixture()
        let address = try #require(PageAddress("127.0.0.1:\(page.server.port)"))
        let error = #expect(throws: GatewayError.self) {
            try PageServer(GatewaySettings(), address, history: page.history, logger: page.log.logger)
        }
        #expect(error?.description.contains("another program uses this port") == true)
    }
}
