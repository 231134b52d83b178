import Glibc
import TestSupport
import Testing
import TextSupport
import Wire

@testable import Gateway

/// What the API answers.
@Suite(.timeLimit(.minutes(10))) struct PageAPITests {
    private func ids(_ answer: PageClient.Answer) throws -> [Int] {
        try (answer.json.objects("events") ?? []).map { event in
            Int(try event.requiredString("id").split(separator: "-").last ?? "") ?? 0
        }
    }

    @Test func `Events are the newest of a filter, the newest last, and go back page by page`() async throws {
        let page = try PageFixture()
        let all = try await page.get("/api/events")
        #expect(all.status == 200 && all.headers["content-type"] == "application/json")
        #expect(all.headers["cache-control"] == "no-store")
        #expect(try ids(all) == [1, 2, 3, 4])
        #expect(try all.json.string("before") == nil)
        var before = ""
        var pages: [[Int]] = []
        repeat {
            let answer = try await page.get("/api/events?limit=2" + before)
            pages.append(try ids(answer))
            before = try answer.json.string("before").map { "&before=\($0)" } ?? ""
        } while !before.isEmpty && pages.count < 9
        #expect(pages == [[3, 4], [1, 2]])
        let last = try #require(try all.json.objects("events")?.last)
        #expect(last.members["end"] == .null && last.members["duration"] == .null)
        #expect(last.members["clip"] == .null && last.members["review"] == .null)
        let first = try #require(try all.json.objects("events")?.first)
        #expect(
            first.orderedMembers.map(\.name) == [
                "daemon", "id", "label", "adapter", "begin", "end", "duration", "peak_score", "clip",
                "review",
                "interrupted",
            ])
        #expect(try first.requiredString("begin") == Fixture.time(1).description)
        for (query, expected) in [
            ("since=\(Fixture.time(2))&until=\(Fixture.time(4))", [2, 3]), ("label=Dog", []),
            ("label=Dog&label=Siren&limit=1", [4]), ("daemon=street", []), ("min_score=0.7", [2, 3]),
            ("since=1h", []), ("review=none", [1, 2, 3, 4]), ("review=any", []), ("review=wrong", []),
        ] { #expect(try ids(await page.get("/api/events?" + query)) == expected, "\(query)") }
    }

    @Test(arguments: [
        "events?limit=0", "events?limit=5001", "events?limit=x", "events?since=yesterday", "events?before=x",
        "events?min_score=nan", "events?review=maybe", "events?lable=Siren", "events?limit=1&limit=2",
        "summary?by=week", "summary?offset=100000", "minutes?step=0", "minutes?since=1h&until=2h",
        "minutes?since=200d",
        "minutes?since=1700-01-01T00:00:00Z&until=2200-12-31T00:00:00Z", "events?since=1.5h",
        "events?since=10000d", "events?since=2026-02-30T00:00:00Z", "events?before=-1-2",
        "events?min_score=1e7", "gaps?reason=x", "gaps?before=1", "gaps?label=Siren", "explain", "status?x=1",
        "labels",
    ])
    func `A parameter that makes no sense is an error that names it`(path: String) async throws {
        let answer = try await PageFixture().get("/api/" + path)
        #expect(answer.status == 400 && answer.code == "bad_request")
        let name = path.split(separator: "?").last?.prefix { $0 != "=" } ?? ""
        let expected =
            path.hasPrefix("minutes?since=1700")
            ? "days"
            : ["minutes?since=200d": "days", "explain": "label", "labels": "daemon"][path] ?? String(name)
        #expect(answer.text.contains(expected))
    }

    @Test func `Summaries and minutes are sums of the history`() async throws {
        let page = try PageFixture()
        let summary = try await page.get("/api/summary?by=hour")
        #expect(
            summary.text == """
                {"by":"hour","summaries":[{"begin":"2026-01-31T00:00:00.000Z","daemon":"kitchen","label":"Siren",\
                "count":4,"total_seconds":1.5,"longest_seconds":0.5,"peak_score":0.8}]}

                """)
        let (begin, end) = (Fixture.time(0), Fixture.time(120))
        let minutes = try await page.get("/api/minutes?since=\(begin)&until=\(end)")
        #expect(
            minutes.text == """
                {"begin":"\(begin)","end":"\(end)","step":1,"series":[\
                {"daemon":"kitchen","source":null,"channel":null,"adapter":null,"label":"Siren",\
                "at":[0,1],"mean":[0.500,0.500],"peak":[0.500,0.500],"windows":[59,31]},\
                {"daemon":"kitchen","source":null,"channel":null,"adapter":null,"label":null,\
                "at":[0,1],"mean":[-20.0,-20.0],"peak":[-20.0,-20.0],"windows":[59,31]}]}

                """)
        let step = try await page.get("/api/minutes?since=\(begin)&until=\(end)&step=10&label=Siren")
        #expect(step.text.contains(#""at":[0],"mean":[0.500],"peak":[0.500],"windows":[90]"#))
        #expect(try await page.get("/api/minutes?daemon=street").json.objects("series") == [])
    }

    @Test func `Gaps are those of a span of time, with their reasons, and go back page by page`() async throws
    {
        let page = try PageFixture()
        func gap(_ reason: HistoryGap.Reason, _ begin: Double, _ end: Double) -> HistoryChange {
            .gap(HistoryGap(reason: reason, begin: Fixture.time(begin), end: Fixture.time(end)))
        }
        let skipped = Gap(source: "hall", startSample: 16_000, endSample: 40_000, reason: .skipped)
        let paused = Gap(source: "hall", startSample: 64_000, endSample: 80_000, reason: .paused)
        let changes = [
            gap(.samples(skipped), 10, 11.5), gap(.stopped, 20, 50), gap(.missed(3), 60, 60),
            gap(.samples(paused), 70, 71),
        ]
        let cursor = HistoryCursor(run: Fixture.run, seq: 91, time: Fixture.time(91))
        #expect(page.history.store(changes, of: "street", cursor: cursor, generation: 0) == .stored(changes))
        let all = try await page.get("/api/gaps?until=\(Fixture.time(61))&since=\(Fixture.time(5))")
        #expect(
            all.text == """
                {"gaps":[{"daemon":"street","source":"hall","reason":"skipped","begin":"\(Fixture.time(10))",\
                "end":"\(Fixture.time(11.5))","duration":1.5},{"daemon":"street","reason":"stopped",\
                "begin":"\(Fixture.time(20))","end":"\(Fixture.time(50))","duration":30.0},\
                {"daemon":"street","reason":"missed","begin":"\(Fixture.time(60))","end":"\(Fixture.time(60))",\
                "duration":0.0,"records":3}],"before":null}

                """)
        func reasons(_ query: String) async throws -> [String] {
            let answer = try await page.get("/api/gaps?" + query)
            return try (answer.json.objects("gaps") ?? []).map { try $0.requiredString("reason") }
        }
        for (query, expected) in [
            ("", ["skipped", "stopped", "missed", "paused"]), ("daemon=kitchen", []),
            ("reason=stopped&reason=paused", ["stopped", "paused"]),
            // One that began before, one that ends later.
            ("since=\(Fixture.time(11))&until=\(Fixture.time(30))&daemon=street", ["skipped", "stopped"]),
            ("since=\(Fixture.time(60))", ["missed", "paused"]),
            ("until=\(Fixture.time(60))&limit=1", ["stopped"]),
            ("since=\(Fixture.time(50))&until=\(Fixture.time(60))", []),
        ] { #expect(try await reasons(query) == expected, "\(query)") }
        var before = ""
        var pages: [[String]] = []
        repeat {
            pages.append(try await reasons("limit=3" + before))
            let answer = try await page.get("/api/gaps?limit=3" + before)
            before = try answer.json.string("before").map { "&before=\($0)" } ?? ""
        } while !before.isEmpty && pages.count < 9
        #expect(pages == [["stopped", "missed", "paused"], ["skipped"]])
    }

    @Test func `A review is stored, returned, and sent to every live client`() async throws {
        let page = try PageFixture()
        let live = try await page.live()
        let path = "/api/events/\(PageFixture.id(2))/review"
        let answer = try await page.request(
            "POST", path, body: #"{"review":"other","label":"Fire \"alarm\""}"#)
        #expect(answer.status == 200)
        #expect(try answer.json.string("review_label") == #"Fire "alarm""#)
        let message =
            #"{"daemon":"kitchen","id":"\#(PageFixture.id(2))","review":"other","#
            + #""review_label":"Fire \"alarm\""}"#
        try await eventually("the message") { live.text.contains("event: review\ndata: \(message)\n\n") }
        #expect(try ids(await page.get("/api/events?review=other")) == [2])
        let cleared = try await page.request("POST", path, body: #"{"review":null,"daemon":"kitchen"}"#)
        #expect(try cleared.status == 200 && cleared.json.string("review") == nil)
        #expect(try ids(await page.get("/api/events?review=any")) == [])

        for (body, status) in [
            ("", 400), ("[]", 400), ("{}", 400), (#"{"review":"maybe"}"#, 400), (#"{"review":"other"}"#, 400),
            (#"{"review":"right","ids":["x"]}"#, 400), (#"{"review":1}"#, 400),
            (#"{"review":"right","daemon":"street"}"#, 404),
        ] { #expect(try await page.request("POST", path, body: body).status == status, "\(body)") }
        let unknown = try await page.request(
            "POST", "/api/events/none-1/review", body: #"{"review":"right"}"#)
        #expect(unknown.status == 404)
    }

    @Test func `The clip of an event is played in parts, and nothing but a clip`() async throws {
        let page = try PageFixture()
        let path = "/api/clips/\(PageFixture.id(1))"
        #expect(try await page.get(path).status == 404)
        func name(_ number: UInt64) -> String {
            "clips/astd-20260131T000001.000Z-\(PageFixture.id(number))-Siren.wav"
        }
        // More than one piece.
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        try page.folder.write(bytes, to: name(1))
        let secret = try page.folder.write("secret".utf8, to: "secret")
        #expect(symlink(secret, page.folder.file(name(2))) == 0)
        #expect(mkfifo(page.folder.file(name(3)), 0o600) == 0)
        // Of an event that the history does not have.
        try page.folder.write("secret".utf8, to: name(9))

        let whole = try await page.get(path)
        #expect(whole.status == 200 && whole.body == bytes)
        #expect(whole.headers["content-type"] == "audio/wav" && whole.headers["accept-ranges"] == "bytes")
        let events = try await page.get("/api/events").json.objects("events") ?? []
        #expect(try events.first?.string("clip") == path)
        let part = try await page.get(path, ["Range: bytes=100000-250000"])
        #expect(part.status == 206 && part.body == Array(bytes[100_000...250_000]))
        #expect(part.headers["content-range"] == "bytes 100000-250000/300000")
        let changed = try await page.get(path, ["Range: bytes=0-9", "If-Range: \"other\""])
        #expect(changed.status == 200 && changed.body.count == 300_000)
        let behind = try await page.get(path, ["Range: bytes=300000-"])
        #expect(behind.status == 416 && behind.headers["content-range"] == "bytes */300000")
        let head = try await page.request("HEAD", path)
        #expect(head.status == 200 && head.headers["content-length"] == "300000")
        for number: UInt64 in [2, 3, 9] {
            let answer = try await page.get("/api/clips/\(PageFixture.id(number))")
            #expect(answer.status == 404 && !answer.text.contains("secret"), "\(number)")
        }
    }

    @Test func `The state of the daemons is reported, and why one is away`() async throws {
        let page = try PageFixture()
        #expect(try await page.get("/healthz").status == 503)
        try page.connect()
        page.server.update(.disconnected(reason: "no daemon answers at /run/x"), of: "street")
        page.server.update(.record(.prediction(Fixture.prediction(7, at: 7))), of: "kitchen")
        let health = try await page.get("/healthz")
        #expect(health.status == 503)
        #expect(try health.json.string("reason") == "street: no daemon answers at /run/x")
        let status = try await page.get("/api/status").json
        #expect(try status.string("node") == "home" && status.bool("control") == false)
        #expect(try status.object("history")?.bool("writable") == true && status["mqtt"] == nil)
        let daemons = try status.objects("daemons") ?? []
        #expect(try daemons.map { try $0.requiredString("daemon") } == ["kitchen", "street"])
        #expect(try daemons.map { try $0.bool("connected") } == [true, false])
        #expect(try daemons[0].objects("sources")?.first?.string("state") == "healthy")
        #expect(try daemons[0].double("level_dbfs") == -20 && daemons[0].string("last") != nil)
        #expect(Set(daemons[0].members.keys) == Set(daemons[1].members.keys))
        try page.connect("street")
        #expect(try await page.get("/healthz").text == "{\"status\":\"ok\"}\n")
        let metrics = try await page.get("/metrics")
        #expect(metrics.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        for line in [
            "astd_gateway_daemon_connected{daemon=\"street\"} 1",
            "astd_gateway_records_total{daemon=\"kitchen\",type=\"prediction\"} 1",
            "astd_gateway_http_responses_total{code=\"5xx\"} 2",
        ] { #expect(metrics.text.contains(line + "\n"), "\(line)") }
    }

    @Test func `Without a history there are no events, and without http.control no commands`() async throws {
        let page = try PageFixture(hasHistory: false)
        for path in ["events", "summary", "minutes", "gaps", "clips/a-1"] {
            let answer = try await page.get("/api/" + path)
            #expect(answer.status == 404 && answer.code == "no_history", "\(path)")
        }
        let review = try await page.request("POST", "/api/events/a-1/review", body: #"{"review":"right"}"#)
        #expect(review.status == 404 && review.code == "no_history")
        #expect(try await page.get("/api/status").json["history"] == nil)
        for command in ["pause", "resume"] {
            let answer = try await page.request(
                "POST", "/api/control/" + command, body: #"{"daemon":"kitchen"}"#)
            #expect(answer.status == 403 && answer.code == "control_off")
        }
        let adapter = try await page.request("POST", "/api/control/adapter", body: #"{"adapter":"a"}"#)
        #expect(adapter.status == 403)
        #expect(try await page.request("POST", "/api/control/shutdown", body: "{}").status == 404)
    }

    @Test func `A request to a daemon that is away says so`() async throws {
        let page = try PageFixture { $0.http.control = true }
        let answer = try await page.request("POST", "/api/control/pause", body: #"{"daemon":"kitchen"}"#)
        #expect(answer.status == 503 && answer.code == "daemon_away")
        #expect(answer.text.contains("no daemon answers at"))
        #expect(try await page.request("POST", "/api/control/pause", body: "{}").status == 400)
        let unknown = try await page.request("POST", "/api/control/pause", body: #"{"daemon":"cellar"}"#)
        #expect(unknown.status == 404 && unknown.text.contains("kitchen, street"))
        let extra = try await page.request("POST", "/api/control/pause", body: #"{"daemon":"kitchen","x":1}"#)
        #expect(extra.status == 400)
    }
}
