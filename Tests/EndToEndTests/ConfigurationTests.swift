import Glibc
import TestSupport
import Testing
import TextSupport
import Wire

/// The configuration file, and the events that its rules make of scores.
@Suite(.timeLimit(.minutes(10)))
struct ConfigurationTests {
    @Test func `--check-config prints every setting and its origin`() async throws {
        let folder = try TestFolder()
        let file = try folder.write("hop: 0.5\ndetection:\n  on: 0.7\n".utf8, to: "astd.yaml")
        let result = try await Astd.run(
            ["astd", "run", "--check-config", "--config", file, "--source", "stdin"], in: folder,
            environment: ["ASTD_DETECTION_REFRACTORY": "3"])
        #expect(result.code == 0, "\(result.errorLines)")
        func line(_ start: String) -> [Substring] {
            result.lines.first { $0.hasPrefix(start) }?.split(separator: " ") ?? []
        }
        #expect(line("source:") == ["source:", "stdin", "#", "--source"])
        #expect(line("hop:") == ["hop:", "0.5", "#", "\(file):1"])
        #expect(line("  on:") == ["on:", "0.7", "#", "\(file):3"])
        #expect(line("  refractory:") == ["refractory:", "3", "#", "$ASTD_DETECTION_REFRACTORY"])
        #expect(line("gate:") == ["gate:", "null", "#", "default"])
        #expect(
            line("threads:").dropFirst(2).joined(separator: " ")
                == "# default: all processors that astd may use")
        #expect(
            line("runtime_dir:").joined(separator: " ")
                == "runtime_dir: \(folder.path)/astd # default: $XDG_RUNTIME_DIR")
        #expect(
            line("cache_dir:").joined(separator: " ")
                == "cache_dir: \(folder.path)/.cache/astd # default: $HOME")
        #expect(line("  off:").joined(separator: " ") == "off: 0.49 # default: 0.7 of on")
        // The output is a valid configuration file.
        let printed = try folder.write(result.output, to: "printed.yaml")
        let again = try await Astd.run(["astd", "run", "--check-config", "--config", printed], in: folder)
        #expect(again.code == 0)
        #expect(again.lines.count == result.lines.count)
    }

    @Test func `An invalid file exits with 78 and a line per mistake, with and without --check-config`()
        async throws
    {
        let folder = try TestFolder()
        let file = try folder.write("hup: 0.5\ndetection:\n  on: loud\n".utf8, to: "astd.yaml")
        for more in [["--check-config"], ["--model", Astd.model, "--runtime-dir", folder.path]] {
            let result = try await Astd.run(["astd", "run", "--config", file] + more, in: folder)
            #expect(result.code == 78)
            #expect(result.output.isEmpty)
            #expect(
                result.errorLines == [
                    "astd: \(file):1: unknown setting 'hup'; did you mean 'hop'?",
                    "astd: \(file):3: invalid value 'loud' for detection.on; expected 0 to 1, or -100 to 100 for logits",
                ])
        }
        let missing = try await Astd.run(
            ["astd", "run", "--check-config"], in: folder,
            environment: ["ASTD_CONFIG": folder.file("none.yaml")])
        #expect(missing.code == 78)
        #expect(missing.errorLines.first?.contains("none.yaml: cannot read the file") == true)
    }

    @Test func `Events follow the rules, reloads change them, and explain reports them`() async throws {
        let folder = try TestFolder()
        let silence = try SeededClip.longSilence(in: folder)
        func text(_ rules: String) -> String {
            "hop: 0.1\nactivation: none\ndetection: {on: -100, \(rules)}\n"
        }
        let file = try folder.write(text("allow: [Spech]").utf8, to: "astd.yaml")
        let daemon = try await RunningDaemon.start(
            ["--config", file, "--source", "file:\(silence)"], in: folder)
        let client = try daemon.listen()
        _ = try await client.next()
        try folder.write(text("allow: [Speech, Spech]").utf8, to: "astd.yaml")
        let allowed = try await daemon.astctl("reload")
        #expect(allowed.code == 0)
        #expect(allowed.lines == ["changed detection.allow: Spech -> Spech, Speech"])
        #expect(allowed.errorLines.first?.contains("a label `Spech`; did you mean `Speech`?") == true)
        let begin = try await client.next { $0.event }
        #expect(begin.state == .begin)
        #expect(begin.label == "Speech")
        #expect(begin.duration == 0)
        let explained = try await daemon.astctl("explain", "Speech")
        #expect(explained.code == 0, "\(explained.errorLines)")
        #expect(explained.lines.first?.hasPrefix("Speech: active, event \(begin.id) continues") == true)
        let denied = try await daemon.astctl("explain", "Music", "--json")
        let report = try ExplainReport(JSONObject(parsing: denied.output))
        #expect(report.state == .denied)
        #expect(!report.isAllowed)
        #expect(report.score != nil)
        #expect(report.on == -100)
        let unknown = try await daemon.astctl("explain", "Speach")
        #expect(unknown.code == 1)
        #expect(unknown.errorLines.first?.contains("did you mean `Speech`?") == true)

        // Rules change with the next window; other settings are named for the next start.
        try folder.write((text("deny: [Speech]") + "threads: 7\n").utf8, to: "astd.yaml")
        let reload = try await daemon.astctl("reload")
        #expect(reload.code == 0, "\(reload.errorLines)")
        #expect(
            reload.lines == [
                "changed detection.allow: Spech, Speech -> none", "changed detection.deny: none -> Speech",
                "after a restart: threads: null -> 7",
            ])
        let end = try await client.next { record in record.event.flatMap { $0.id == begin.id ? $0 : nil } }
        #expect(end.state == .end)
        #expect(end.duration > 0)
        #expect(end.peakScore >= begin.peakScore)
        _ = try await client.next { record in record.event.flatMap { $0.label == "Music" ? $0 : nil } }

        // An invalid file changes nothing; the error is in the reply and, for SIGHUP, in the log.
        try folder.write("detection: {on: 5000}\n".utf8, to: "astd.yaml")
        let refused = try await daemon.astctl("reload")
        #expect(refused.code == 1)
        let problem = "astd.yaml:1: invalid value '5000' for detection.on"
        #expect(refused.errorLines.first?.contains(problem) == true)
        daemon.program.send(SIGHUP)
        try await eventually("the log of a refused reload") {
            try daemon.program.standardError()
        } until: {
            $0.contains("invalid value '5000' for detection.on")
        }
        #expect(
            try await daemon.astctl("explain", "Speech", "--json").lines.first?.contains("denied") == true)

        // An editor's empty file resets nothing.
        try folder.write("# nothing\n".utf8, to: "astd.yaml")
        let emptied = try await daemon.astctl("reload")
        #expect(emptied.code == 1)
        #expect(emptied.errorLines.first?.contains("astd.yaml: has no settings any more") == true)
        #expect(
            try await daemon.astctl("explain", "Speech", "--json").lines.first?.contains("denied") == true)
        try await eventually("the log of the reloads") {
            try daemon.program.standardError()
        } until: {
            $0.contains(
                "settings: unchanged because of 1 mistake; adapters: 0 loaded, 0 replaced, 0 removed, 0 problems"
            )
        }

        // Every event has an end, also when the daemon stops.
        daemon.program.send(SIGTERM)
        let rest = try await client.rest().compactMap(\.event)
        #expect(rest.contains { $0.label == "Music" && $0.state == .end })
    }
}
