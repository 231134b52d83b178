import Glibc
import TestSupport
import Testing
import TextSupport

/// The programs against a daemon that sends records of fixed times: what people read is in their zone, what
/// programs read in UTC.
@Suite(.timeLimit(.minutes(10)))
struct LocalTimeTests {
    /// Answers every request, and follows `subscribe` with an event in progress, one that has ended, and a
    /// prediction.
    private static let daemon = #"""
        import json, os, socket, sys
        path, end, before = sys.argv[1:]
        server = socket.socket(socket.AF_UNIX)
        server.bind(path + ".new")
        server.listen()
        os.rename(path + ".new", path)
        label = {"index": 0, "label": "Siren", "score": 0.75}
        explained = {"label": "Siren", "index": 0, "state": "active", "reason": "an event continues", "time": end,
            "score": 0.75, "smoothed_score": 0.75, "on": 0.5, "off": 0.35, "smoothing": 1, "hits": 2,
            "minimum_hits": 2, "merge_gap": 2, "refractory": 6, "refractory_until": end, "event": "5f0c9a3be2174c11-1",
            "event_begin": before, "peak_score": 0.75, "allowed": True}
        event = {"type": "event", "state": "begin", "id": "5f0c9a3be2174c11-1", "seq": 1, "label": "Siren", "time": before,
            "start_sample": 0, "end_sample": 0,
            "peak_score": 0.75, "duration": 0}
        records = [event, dict(event, id="5f0c9a3be2174c11-2", label="Dog"), dict(event, id="5f0c9a3be2174c11-2", label="Dog", state="end"),
            {"type": "prediction", "seq": 1, "time": end, "start_sample": 0, "end_sample": 82160,
             "level_dbfs": -20, "latency_ms": 30, "labels": [label, {"index": 1, "label": "Dog", "score": 0}]}]
        while True:
            client = server.accept()[0]
            stream = client.makefile("rw")
            def send(object):
                stream.write(json.dumps(object) + "\n")
                stream.flush()
            try:
                send({"type": "hello", "protocol": 1, "version": "0.1.0", "run": "5f0c9a3be2174c11", "model": "m", "adapter": None,
                      "adapters": ["base"], "labels": 2, "window": 5.12, "hop": 1})
                for line in stream:
                    request = json.loads(line)
                    reply = explained if request["method"] == "explain" else {"subscribed": True}
                    send({"jsonrpc": "2.0", "id": request["id"], "result": reply})
                    for record in records if request["method"] == "subscribe" else []:
                        send({"jsonrpc": "2.0", "method": "record", "params": record})
            except OSError:
                pass
        """#

    private struct Zone: CustomTestStringConvertible {
        let name: String
        /// In UTC, and as a clock in the zone shows it.
        let (end, before): (String, String)
        let (clock, lastClock, full): (String, String, String)
        var testDescription: String { "\(name) \(end)" }
    }

    private static let zones = [
        Zone(
            name: "Australia/Darwin", end: "2026-11-28T18:16:35.250Z", before: "2026-11-28T17:32:45.000Z",
            clock: "03:46:35", lastClock: "03:02:45", full: "2026-11-29 03:46:35.250 +09:30"),
        // Summer time begins between the two times.
        Zone(
            name: "Europe/Berlin", end: "2026-03-29T01:00:00.000Z", before: "2026-03-29T00:59:59.000Z",
            clock: "03:00:00", lastClock: "01:59:59", full: "2026-03-29 03:00:00.000 +02:00"),
        Zone(
            name: "UTC", end: "2026-03-29T01:00:00.000Z", before: "2026-03-29T00:59:59.000Z",
            clock: "01:00:00", lastClock: "00:59:59", full: "2026-03-29 01:00:00.000 Z"),
    ]

    @Test(arguments: zones.indices)
    func `Times are local for people, and UTC for programs`(index: Int) async throws {
        let zone = Self.zones[index]
        let folder = try TestFolder()
        let socket = folder.file("astd.sock")
        let daemon = try ChildProcess(
            ["/usr/bin/python3", "-c", Self.daemon, socket, zone.end, zone.before], in: folder,
            package: "python3")
        defer { daemon.kill() }
        try await eventually("the socket") { access(socket, F_OK) == 0 ? () : nil }
        func run(_ arguments: String..., onTerminal: Bool = false) async throws -> [String] {
            let terminal =
                onTerminal ? ["/usr/bin/python3", "-c", "import pty,sys; pty.spawn(sys.argv[1:])"] : []
            let program = try ChildProcess(
                terminal + [try Astd.path("astctl")] + arguments + ["--socket", socket], in: folder,
                environment: ["TZ": zone.name, "TERM": "dumb"])
            return try await program.exit().lines
        }

        let top = try await run("top", "-n", "1")
        #expect(top[1].hasPrefix(zone.clock + "  source healthy"), "\(top)")
        #expect(top.contains("Siren  0.750  0.750  0.750       1       now"), "\(top)")
        #expect(top.contains("Dog    0.000  0.000  0.000       1  \(zone.lastClock)"), "\(top)")

        let explanation = try await run("explain", "Siren")
        #expect(explanation.last == "window     ended at \(zone.full)")
        #expect(explanation.contains { $0.hasSuffix("until \(zone.full)") }, "\(explanation)")

        let screen = try await run("watch", "--count", "1", onTerminal: true).joined()
        #expect(screen.contains("\(zone.full.dropFirst(11).prefix(12))  latency 30 ms"), "\(screen)")

        for lines in [try await run("watch", "--count", "1"), try await run("explain", "Siren", "--json")] {
            #expect(lines.count == 1 && lines[0].contains("\"time\":\"\(zone.end)\""), "\(lines)")
        }
    }
}
