import ArgumentParser
import DaemonClient
import SystemSupport
import Testing
import TextSupport
import Wire

@testable import astctl

@Suite struct CommandTests {
    @Test func `A socket that the user gives is the only candidate`() {
        let environment = ["ASTD_SOCKET": "/a", "XDG_RUNTIME_DIR": "/run/user/1"]
        #expect(
            SocketLocation(named: "/b", paths: StandardPaths(environment: Environment(environment)))
                .candidates == ["/b"])
        #expect(
            SocketLocation(named: nil, paths: StandardPaths(environment: Environment(environment))).candidates
                == ["/a"])
    }

    @Test func `By default the user's daemon is tried before the system's`() {
        let location = SocketLocation(
            named: nil, paths: StandardPaths(environment: Environment(["XDG_RUNTIME_DIR": "/nonexistent"])))
        #expect(location.candidates == ["/nonexistent/astd/astd.sock", "/run/astd/astd.sock"])
    }

    @Test func `The runtime directory of the daemon is the only candidate`() {
        let environment = ["ASTD_RUNTIME_DIR": "/tmp/a", "XDG_RUNTIME_DIR": "/run/user/1"]
        func candidates(_ more: [String: String]) -> [String] {
            let environment = Environment(environment.merging(more) { $1 })
            return SocketLocation(named: nil, paths: StandardPaths(environment: environment)).candidates
        }
        #expect(candidates([:]) == ["/tmp/a/astd.sock"])
        #expect(candidates(["ASTD_SOCKET": "/b"]) == ["/b"])
    }

    @Test(arguments: [
        ("--socket /a --timeout=3 watch --count 1", "watch --socket /a --timeout=3 --count 1"),
        ("--socket /a adapter load x", "adapter load --socket /a x"),
        ("adapter --socket /a load x --name y", "adapter load --socket /a x --name y"),
        ("--json --timeout 3 adapter --socket /a use x", "adapter use --json --timeout 3 --socket /a x"),
        ("--socket status adapter", "adapter --socket status"),
        ("--json labels", "labels --json"),
        ("-n 1 top", "top -n 1"),
        ("explain status", "explain status"),
        ("adapter use list", "adapter use list"),
        ("--json x adapter", "--json x adapter"),
        ("-- watch", "-- watch"),
        ("--socket", "--socket"),
        ("--socket /a help", "help"), ("help adapter", "help adapter"),
        ("", ""),
    ])
    func `Options can precede the verbs`(given: String, ordered: String) {
        func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
        #expect(VerbOrder.verbsFirst(words(given)) == words(ordered))
    }

    @Test(arguments: [
        ("stauts", "unknown command 'stauts'; did you mean 'status'?"),
        ("--socket /a adapter unlod x", "unknown command 'adapter unlod'; did you mean 'unload'?"),
        ("adapter frob", "unknown command 'adapter frob'; expected one of: list, load, use, unload"),
        ("status", nil), ("adapter", nil), ("adapter use frob", nil), ("help status", nil), ("--json", nil),
        ("explain frob", nil), ("", nil), ("--generate-completion-script bash", nil),
    ])
    func `A word in the place of a command is named, with the nearest one`(given: String, problem: String?) {
        #expect(VerbOrder.unknownVerb(given.split(separator: " ").map(String.init)) == problem)
    }

    @Test func `Every option with a value is known to the order of verbs`() throws {
        func options(_ json: JSONValue) -> [String] {
            switch json {
            case .array(let items): return items.flatMap(options)
            case .object(let object):
                guard object["kind"] == .string("option"), case .array(let names)? = object["names"] else {
                    return object.members.values.flatMap(options)
                }
                return names.compactMap { name in
                    guard case .object(let name) = name, case .string(let text)? = name["name"] else {
                        return nil
                    }
                    return name["kind"] == .string("long") ? "--" + text : "-" + text
                }
            default: return []
            }
        }
        let help = try JSONObject(parsing: Array(Astctl._dumpHelp().utf8))
        #expect(Set(options(.object(help))) == VerbOrder.optionsWithValue)
    }

    @Test func `Every failure has an exit code and a message with a remedy`() {
        let cases: [(CommandFailure, Int32, String)] = [
            (
                .daemon(.noDaemon(paths: ["/a", "/b"])), 3,
                "no daemon answers at /a or /b: start it with `astd run`, or name its socket with --socket"
            ),
            (
                .daemon(.timeout(path: "/a", seconds: 2.5, process: nil)), 4,
                "the daemon at /a did not answer within 2.5 s: it is busy or hangs; try a longer --timeout, or "
                    + "restart it"
            ),
            (
                .daemon(
                    .timeout(path: "/a", seconds: 5, process: PeerProcess(identifier: 42, isStopped: true))),
                4,
                "the daemon at /a did not answer within 5 s: its process 42 is stopped; continue it with "
                    + "`kill -CONT 42`"
            ),
            (
                .daemon(.refused(method: "status", RPCError(.unavailable, "not\u{1B} now"))), 1,
                "the daemon refused `status`: not\u{FFFD} now"
            ),
            (.usage("Unknown option"), 64, "Unknown option: see `astctl --help`"),
            (.output(code: 28), 1, "cannot write the output: No space left on device: check its destination"),
        ]
        for (failure, code, text) in cases {
            #expect(failure.exitCode == code)
            #expect("\(failure)" == text)
        }
    }

    @Test func `The status is formatted as text`() {
        var report = StatusReportTests.report
        report.adapters = ["birds"]
        report.uptimeSeconds = 2 * 86_400 + 3_600
        #expect(
            StatusText.lines(report, zone: .offset(0)) == [
                "astd     0.1.0, listening, pid 4242, up 2 d 1 h",
                "model    ast, 527 labels, /m",
                "scores   sigmoid: asked for",
                "window   10.24 s at 16000 Hz, one every 1 s",
                "adapter  birds",
                "source   pulse:mic, healthy",
                "events   Siren (adapter birds) since 23:59:58, peak 0.750",
                "compute  fp32, 2 threads; last window 512.5 ms",
                "windows  60 classified, 1 skipped",
                "gaps     0.01 s overrun, 0.01 s source lost, 6 invalid samples",
                "clients  4 connected, 5 records lost",
                "memory   400.0 MB resident, 50.0 MB anonymous",
            ])
    }

    @Test func `The status does not say that there are no gaps when windows were skipped`() {
        var report = StatusReportTests.report
        report.counters = SourceCounters()
        #expect(StatusText.lines(report).contains("gaps     none"))
        report.counters.skippedWindows = 3
        #expect(StatusText.lines(report).contains("gaps     those of the skipped windows"))
    }

    @Test func `A long reason is wrapped at 80 columns, below the text of its row`() {
        var report = StatusReportTests.report
        let reason =
            "no PulseAudio source matches *theremin*: choose one of "
            + "pulse:alsa_input.usb-Blue_Microphones_Yeti_Stereo_Microphone_REV8-00.analog-stereo, pulse:b"
        report.source = SourceReport(state: .lost, name: "pulse:*theremin*", message: reason)
        report.events = []
        var lines = StatusText.lines(report)
        var first = lines.firstIndex { $0.hasPrefix("source ") } ?? 0
        #expect(
            lines[first..<first + 4] == [
                "source   pulse:*theremin*, lost: no PulseAudio source matches *theremin*: choose",
                "         one of",
                "         pulse:alsa_input.usb-Blue_Microphones_Yeti_Stereo_Microphone_REV8-00.analog-stereo,",
                "         pulse:b",
            ])
        report.source = nil
        report.sources = ["garden", "door"].map {
            SourceStatus(
                source: $0, report: SourceReport(state: .lost, name: "pulse", message: "gone " + reason),
                hopSeconds: 1, counters: SourceCounters(windows: 1))
        }
        lines = StatusText.lines(report)
        first = lines.firstIndex { $0.hasPrefix("sources ") } ?? 0
        #expect(
            lines[first..<first + 2] == [
                "sources  garden  1 window; pulse, lost: gone no PulseAudio source matches",
                "           *theremin*: choose one of",
            ])
        #expect(lines.contains { $0.hasPrefix("         door    1 window; pulse, lost: gone") })
        #expect(lines.allSatisfy { $0.count <= 80 || !$0.trimmingPrefix { $0 == " " }.contains(" ") })
        #expect(Text.wrapped("", to: 80, indent: 9) == [""])
    }

    @Test func `Numbers are short, and columns have exact widths`() {
        #expect(Text.number(10) == "10")
        #expect(Text.number(10.25) == "10.25")
        #expect(Text.number(0.1) == "0.1")
        #expect(Text.truncated("abcdef", to: 4) == "abc…")
        #expect(Text.padded("ab", to: 4) == "ab  ")
        #expect(Text.truncated("abc", to: 0) == "")
    }
}
