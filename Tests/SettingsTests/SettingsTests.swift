import Detection
import Foundation
import TestSupport
import Testing

@testable import Settings
private let hopValues = "expected auto, or 0.01 to 600 seconds, in steps of 0.01"

@Suite struct SettingsTests {
    private static let example = #filePath.replacing(
        "/Tests/SettingsTests/SettingsTests.swift", with: "/etc/astd.yaml")
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// The settings loaded from a file with this text.
    private func load(
        _ text: String, _ environment: [String: String] = [:], _ flags: [String: [String]] = [:]
    ) throws(SettingsRefusal) -> LoadedSettings {
        let path = folder.file("astd.yaml")
        _ = try? folder.write(text, to: "astd.yaml")
        do throws(SettingsRefusal) {
            return try SettingsSources(file: path, environment: environment, flags: flags).load()
        } catch {
            let problems = error.problems.map { problem in
                guard case .file(_, let line) = problem.origin else { return problem }
                return SettingsProblem(origin: .file(path: "F", line: line), kind: problem.kind)
            }
            throw SettingsRefusal(problems: problems)
        }
    }

    private func complaints(
        _ text: String, _ environment: [String: String] = [:], _ flags: [String: [String]] = [:]
    ) -> [String] {
        do throws(SettingsRefusal) {
            _ = try load(text, environment, flags)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func `The example parses, equals the defaults and names every setting`() throws {
        let loaded = try SettingsSources(file: Self.example, environment: [:]).load()
        #expect(loaded.settings == DaemonSettings())
        #expect(loaded.origins.keys.sorted() == SettingTable.rows.map(\.key).sorted())
    }

    @Test func `Options override variables, variables the file, the file the defaults`() throws {
        let text = "hop: 3\nsource: stdin\nthreads: 4\ndetection:\n  on: 0.4\n"
        let loaded = try load(
            text, ["ASTD_HOP": "2", "ASTD_DETECTION_ON": "0.6", "ASTD_THREADS": "", "HOME": "/"],
            ["hop": ["0.5"]])
        #expect(loaded.settings.hop == 0.5 && loaded.origins["hop"] == .flag("--hop"))
        #expect(loaded.settings.detection.rule.on == 0.6)
        #expect(loaded.origins["detection.on"] == .variable("ASTD_DETECTION_ON"))
        #expect(loaded.settings.threads == 4)
        guard case .file(_, 3) = loaded.origins["threads"] else {
            Issue.record("threads come from \(String(describing: loaded.origins["threads"]))")
            return
        }
        #expect(loaded.settings.source == "stdin" && loaded.settings.precision == "auto")
    }

    @Test func `Every setting is read from variables and from options`() throws {
        let values: [String: String] = [
            "source": "stdin", "channel": "2", "gain_db": "-6.5", "high_pass_hz": "80", "model": "/m",
            "adapter": "/a:/b", "adapters_dir": "/d", "hop": "0.25", "hop_minimum": "0.3", "cpu_limit": "2",
            "activation": "none", "precision": "fp32", "threads": "3", "gate": "-60", "fast": "true",
            "spectrum": "true", "wait_for_subscriber": "true",
            "runtime_dir": "/r", "state_dir": "/s", "cache_dir": "/k", "no_cache": "true",
            "events_mode": "0666",
            "max_clients": "7", "muted_after": "5", "quiet_hours": "22:00-06:00;Sat 9:00-12:00",
            "level.above": "-30", "level.seconds": "2.5", "detection.on": "0.75",
            "detection.off": "0.25", "detection.smoothing": "3", "detection.minimum_hits": "4",
            "detection.minimum_duration": "0.5", "detection.repeat_after": "45",
            "detection.merge_gap": "1.5", "detection.refractory": "9", "detection.allow": "A:B",
            "detection.deny": "C", "metrics.file": "/x.prom", "metrics.interval": "60",
            "clips.directory": "/c", "clips.maximum_megabytes": "7", "clips.maximum_seconds": "8",
            "adapters": "birds:base", "clips.maximum_disk_percent": "12.5", "clips.maximum_days": "30",
            "clips.pre_seconds": "2",
            "clips.post_seconds": "3", "clips.original": "true",
        ]
        #expect(values.keys.sorted() == SettingTable.rows.map(\.key).sorted())
        var environment: [String: String] = [:]
        var flags: [String: [String]] = [:]
        for row in SettingTable.rows {
            environment[row.variable] = values[row.key]
            flags[row.key] = values[row.key].map {
                row.isList ? $0.split(separator: row.separator).map(String.init) : [$0]
            }
        }
        let byVariable = try SettingsSources(file: nil, environment: environment).load()
        let byFlag = try SettingsSources(file: nil, environment: [:], flags: flags).load()
        #expect(byVariable.settings == byFlag.settings)
        #expect(byVariable.settings.adapter == ["/a", "/b"])
        #expect(byVariable.settings.detection.allowed == ["A", "B"])
        for row in SettingTable.rows {
            #expect(row.show(byFlag.settings) != row.show(DaemonSettings()), "\(row.key)")
        }
        // The output of --check-config is a file with the same settings.
        #expect(try load(byFlag.text()).settings == byFlag.settings)
    }

    @Test func `A label has rules of its own, from the file and from options`() throws {
        let text = """
            detection:
              off: 0.4
              labels:
                "Siren: wailing": {on: 0.3, minimum_hits: 1}
                Dr. Dog:
                  merge_gap: 5
                  minimum_duration: 1.5
            """
        let loaded = try load(text, [:], ["detection.labels.Dr. Dog.refractory": ["7"]])
        let siren = loaded.settings.detection.rule(for: "Siren: wailing")
        #expect(siren == DetectionRule(on: 0.3, minimumHits: 1))
        let dog = loaded.settings.detection.rule(for: "Dr. Dog")
        #expect(
            dog
                == DetectionRule(
                    off: 0.4, minimumDurationSeconds: 1.5, mergeGapSeconds: 5, refractorySeconds: 7))
        #expect(try load(loaded.text()).settings == loaded.settings)
    }

    @Test(arguments: [
        ("hup: 1", ["F:1: unknown setting 'hup'; did you mean 'hop'?"]),
        (
            "hop: 1\nminimum_hits: 2",
            ["F:2: unknown setting 'minimum_hits'; did you mean 'detection.minimum_hits'?"]
        ),
        (
            "detection:\n  tresholds: 1",
            [
                "F:2: unknown setting 'detection.tresholds'; expected one of: detection.on, detection.off, detection.smoothing, detection.minimum_hits, detection.minimum_duration, detection.merge_gap, detection.refractory, detection.repeat_after, detection.allow, detection.deny, detection.labels"
            ]
        ),
        (
            "detection: {labels: {Dog: {merge_gpa: 1}}}",
            [
                "F:1: unknown setting 'detection.labels.Dog.merge_gpa'; did you mean 'detection.labels.Dog.merge_gap'?"
            ]
        ),
        (
            "detection:\n  hop: 1",
            ["F:2: setting 'hop' does not belong in 'detection'; write it outside of 'detection'"]
        ),
        (
            "metrics: {metrics.file: /x.prom}",
            ["F:1: setting 'metrics.file' does not belong in 'metrics'; write 'file' there"]
        ),
        (
            "hop: 0.015",
            ["F:1: invalid value '0.015' for hop; expected auto, or 0.01 to 600 seconds, in steps of 0.01"]
        ),
        (
            "detection: {on: 1.5}",
            [
                "F:1: detection.on is 1.5, which no score reaches; expected more than 0 and at most 1, or activation: none for logits"
            ]
        ),
        (
            "activation: softmax\ndetection: {labels: {Dog: {on: 0}}}",
            [
                "F:2: detection.labels.Dog.on is 0.0, which every score reaches; expected more than 0 and at most 1, or activation: none for logits"
            ]
        ),
        (
            "detection: {off: -1, labels: {Dog: {smoothing: 2}}}",
            [
                "F:1: detection.off is -1.0: no score is below it, so that an event would never end; expected more than 0 and at most 1, or activation: none for logits"
            ]
        ),
        ("activation: none\ndetection: {on: 1.5, off: -1}", []),
        ("hop: 0", ["F:1: invalid value '0' for hop; \(hopValues)"]),
        ("hop: [1]", ["F:1: invalid value 'a list' for hop; \(hopValues)"]),
        ("hop: null", ["F:1: invalid value 'null' for hop; \(hopValues)"]),
        ("fast: yes", ["F:1: invalid value 'yes' for fast; expected true or false"]),
        (
            "threads: 1.5",
            ["F:1: invalid value '1.5' for threads; expected a whole number from 1 to 256, or null"]
        ),
        ("detection: 3", ["F:1: detection must be a mapping of names to values"]),
        ("detection: {labels: [Dog]}", ["F:1: detection.labels must be a mapping of labels to settings"]),
        (
            "detection:\n  on: 0.2\n  off: 0.3",
            ["F:3: detection.off is 0.3 and detection.on is 0.2; off must not be above on"]
        ),
        ("- hop", ["F:1: expected a mapping, such as \"name: value\""]),
        (
            "hop: 9999\nsorce: pulse",
            [
                "F:1: invalid value '9999' for hop; expected auto, or 0.01 to 600 seconds, in steps of 0.01",
                "F:2: unknown setting 'sorce'; did you mean 'source'?",
            ]
        ),
    ])
    func `A problem in a file is reported with its line and the accepted values`(
        text: String, expected: [String]
    ) {
        #expect(complaints(text) == expected)
    }

    @Test func `Problems of variables and options name them as the user wrote them`() {
        #expect(
            complaints("", ["ASTD_HOPP": "1", "ASTD_SOCKET": "/x", "ASTD_MINIMUM": "1"])[0]
                == "$ASTD_HOPP: unknown setting 'ASTD_HOPP'; did you mean 'ASTD_HOP'?")
        #expect(
            complaints("", ["ASTD_FOO": "1"])[0].hasPrefix(
                "$ASTD_FOO: unknown setting 'ASTD_FOO'; expected one of: ASTD_"))
        #expect(
            complaints("", ["ASTD_GATE": "loud"]) == [
                "$ASTD_GATE: invalid value 'loud' for gate; expected -200 to 0 dB relative to full scale, or null"
            ])
        #expect(
            complaints("", [:], ["hop": ["0"]]) == [
                "invalid value '0' for --hop; expected auto, or 0.01 to 600 seconds, in steps of 0.01"
            ])
        #expect(
            complaints("", [:], ["detection.onn": ["0"]]) == [
                "unknown setting 'detection.onn'; did you mean 'detection.on'?"
            ])
        #expect(complaints("", [:], ["detection.labels.Dog": ["0"]]).count == 1)
        #expect(
            complaints("", [:], ["metrics": ["0"]]) == [
                "unknown setting 'metrics'; expected one of: metrics.file, metrics.interval"
            ])
        #expect(
            complaints("", [:], ["detection.labels": ["0"]])[0].hasPrefix(
                "unknown setting 'detection.labels'; expected one of: detection.labels.LABEL.on, "))
    }

    @Test func `A leading tilde in a path is the user's home directory`() throws {
        let text = "model: ~/m\nadapter: [~/a, '~b/c']\nclips: {directory: ~/clips}\nadapters_dir: ~\n"
        let settings = try load(text, ["HOME": "/home/u"], ["source": ["file:~/x.wav"]]).settings
        #expect(settings.model == "/home/u/m" && settings.adapter == ["/home/u/a", "~b/c"])
        #expect(settings.clips.directory == "/home/u/clips" && settings.adaptersDir == nil)
        #expect(settings.source == "file:/home/u/x.wav")
        // A glob over the names of microphones is not a path.
        #expect(try load("source: pulse:~/x", ["HOME": "/home/u"]).settings.source == "pulse:~/x")
        #expect(try load("model: ~/m").settings.model == "~/m")
    }

    @Test func `Lists given with --set are separated by colons; options are repeated`()
        throws
    {
        let flags = [
            "detection.deny": ["Noise:Silence"], "detection.allow": [""], "adapter": ["/a:b", "/c"],
        ]
        let settings = try load("detection: {allow: [Dog]}", [:], flags).settings
        #expect(settings.detection.denied == ["Noise", "Silence"] && settings.detection.allowed.isEmpty)
        #expect(settings.adapter == ["/a:b", "/c"])
    }

    @Test func `Only problems of the command line are usage errors`() {
        func refusal(_ text: String, _ flags: [String: [String]]) -> SettingsRefusal? {
            do throws(SettingsRefusal) {
                _ = try load(text, [:], flags)
                return nil
            } catch {
                return error
            }
        }
        #expect(refusal("", ["hop": ["0"]])?.isUsage == true)
        #expect(refusal("gate: 3", ["hop": ["0"]])?.isUsage == false)
    }

    @Test(arguments: [
        "hop: [", "a: b: c", "hop: 1\nhop: 2", "\u{0}", "%YAML 9.9\n---\n", "&a [*a, *a]", "? [x]\n: y", "{",
        "!!binary x", "- - - - -", "hop: !!int two", "*nothing", "---\n---\n", "\t\thop: 1",
    ])
    func `Text that is not a YAML mapping of settings is refused in one line`(text: String) {
        let complaints = complaints(text)
        #expect(complaints.allSatisfy { !$0.contains("\n") })
        #expect(!complaints.isEmpty, "\(text)")
    }

    @Test(arguments: ["[", "{a: ", "- ", "? ", "&x [", "'"])
    func `Deep nesting and long files are refused without recursion`(piece: String) async {
        let text = String(repeating: piece, count: 100_000)
        // A reload runs on a thread with a small stack, too.
        let count = await withCheckedContinuation { continuation in
            DispatchQueue(label: "small").async {
                continuation.resume(returning: SettingsFile(path: "F", text: text).problems.count)
            }
        }
        #expect(count >= 1)
    }

    /// Changes, repeats, removes and inserts bytes of the example.
    @Test func `Any content of a file results in settings or in refusals`() throws {
        let example = [UInt8](try Data(contentsOf: URL(filePath: Self.example)).filter { $0 != 0 })
        // Without comments, which swallow most changes.
        let lines = example.split(separator: 0x0A).filter {
            $0.contains { $0 != 0x20 } && $0.first { $0 != 0x20 } != 0x23
        }
        let dense = [UInt8](lines.joined(separator: [0x0A]))
        var seed: UInt64 = 7
        func random(_ count: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((seed >> 33) % UInt64(count))
        }
        var refused = 0
        let marks = [UInt8]("[]{}:,-?&*!|>'\"%@`#\n \t~0".utf8)
        for _ in 0..<1000 {
            var bytes = dense
            for _ in 0...random(3) {
                let position = random(bytes.count)
                switch random(4) {
                case 0: bytes[position] = UInt8(random(256))
                case 1: bytes.insert(marks[random(marks.count)], at: position)
                case 2: bytes.remove(at: position)
                default:
                    bytes.insert(
                        contentsOf: bytes[position..<min(bytes.count, position + random(40))], at: position)
                }
            }
            let problems = complaints(String(decoding: bytes, as: UTF8.self))
            #expect(problems.allSatisfy { !$0.isEmpty && !$0.contains("\n") })
            if !problems.isEmpty { refused += 1 }
        }
        // The seed fixes the changes, but each new setting shifts them. Some must be harmless, or only
        // refusals were tested, and most must do harm, or the changes were too few.
        #expect(refused > 500)
        #expect(refused < 1000)
    }

    @Test func `A file without settings is known as such, and a standard file may appear later`() throws {
        for text in ["", "# nothing\n", "---\n", "detection:\n"] {
            #expect(try load(text).isFileEmpty, "\(text)")
        }
        #expect(try !load("hop: 1\n").isFileEmpty)
        let standard = folder.file("standard.yaml")
        let sources = SettingsSources(file: nil, standardFile: standard, environment: [:])
        #expect(try sources.load().file == nil)
        try folder.write("hop: 3\ndetection: {labels: {Siren: {on: 0.3}}}\n", to: "standard.yaml")
        let loaded = try sources.load()
        #expect(loaded.settings.hop == 3 && loaded.file == standard && !loaded.isFileEmpty)
        #expect(loaded.origins["detection.labels.Siren.on"] == .file(path: standard, line: 2))
    }

    @Test func `Settings that are not set are printed with what they amount to, and why`() throws {
        let loaded = try load("threads: null\n")
        let text = loaded.text(resolving: [
            "threads": .init("4", "all of them"), "model": .init(nil, "there is none"),
            "runtime_dir": .init("/run/x y", "$R"),
        ])
        let lines = text.split(separator: "\n").map {
            $0.split(separator: " ", omittingEmptySubsequences: true)
        }
        func line(_ name: String) -> String {
            lines.first { $0.first == "\(name):" }?.joined(separator: " ") ?? ""
        }
        #expect(
            line("threads").hasPrefix("threads: 4 # ")
                && line("threads").hasSuffix("/astd.yaml:1: all of them"))
        #expect(line("model") == "model: null # default: there is none")
        #expect(line("runtime_dir") == #"runtime_dir: "/run/x y" # default: $R"#)
        #expect(try load(text).settings.threads == 4)
    }

    @Test func `A variable that resembles no setting gets no suggestion`() {
        let text = complaints("", ["ASTD_FOO": "1"]).first
        #expect(text?.hasPrefix("$ASTD_FOO: unknown setting 'ASTD_FOO'; expected one of: ASTD_") == true)
        #expect(complaints("", ["ASTD_HUP": "1"]).first?.hasSuffix("did you mean 'ASTD_HOP'?") == true)
    }

    @Test func `An unreadable file is reported with its path and the reason`() throws {
        func complaint(_ path: String) -> String {
            SettingsFile(path: path).problems.first?.description ?? ""
        }
        #expect(
            complaint("/nonexistent/astd.yaml")
                == "/nonexistent/astd.yaml: cannot read the file: No such file or directory; correct its path (--config)"
        )
        #expect(
            complaint("/tmp") == "/tmp: cannot read the file: Is a directory; name the file in it")
        #expect(complaint("/dev/zero").contains("larger than 1048576 bytes"))
        #expect(SettingsFile(path: "/dev/null").problems.isEmpty)
        let pipe = folder.file("pipe")
        try #require(mkfifo(pipe, 0o600) == 0)
        #expect(complaint(pipe) == "\(pipe): is a pipe; expected a file")
    }

    @Test func `Changes are listed in words, separately for those that need a restart`() throws {
        let old = try load("hop: 1\ndetection: {on: 0.5, labels: {Dog: {on: 0.3}}}").settings
        let new = try load("hop: 2\ndetection: {on: 0.6, deny: [Cat], labels: {Cow: {on: 0.2}}}").settings
        let changes = SettingsChanges(from: old, to: new)
        #expect(
            changes.applied == [
                "detection.on: 0.5 -> 0.6", "detection.deny: none -> Cat",
                "detection.labels.Cow: none -> on 0.2", "detection.labels.Dog: on 0.3 -> none",
            ])
        #expect(changes.postponed == ["hop: 1 -> 2"])
        let merged = old.reloaded(with: new)
        #expect(merged.hop == 1 && merged.detection == new.detection)
        #expect(SettingsChanges(from: new, to: new) == SettingsChanges(from: old, to: old))
    }
}
