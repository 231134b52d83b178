import ArgumentParser
import Capture
import Detection
import Foundation
import Inference
import TestSupport
import Testing

@testable import Settings
@testable import astd

/// What has to be added with a setting besides its row in ``SettingTable``. Each failure names what is
/// missing.
@Suite struct SettingTableTests {
    private static let root = #filePath.replacing("/Tests/SettingsTests/SettingTableTests.swift", with: "")

    private static func lines(_ path: String) throws -> [String] {
        try String(contentsOfFile: root + "/" + path, encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// A value other than the default for each option that takes one; a flag takes none.
    private static let optionValues = [
        "source": "stdin", "channel": "left", "gain_db": "-6", "high_pass_hz": "80", "model": "/m",
        "adapter": "/a", "adapters_dir": "/d", "hop": "0.25",
        "activation": "none", "precision": "fp32", "threads": "3", "gate": "-60", "runtime_dir": "/r",
        "cache_dir": "/k", "state_dir": "/s",
    ]

    @Test(arguments: SettingTable.rows.filter(\.hasOption).map(\.key))
    func `Every setting with an option can be given to astd run`(key: String) throws {
        let row = try #require(SettingTable.byKey[key])
        var arguments = ["--config", "/dev/null", row.flag]
        if let value = Self.optionValues[key] { arguments.append(value) }
        let run = try Run.parse(arguments)
        let loaded = try SettingsSources(file: nil, environment: [:], flags: run.flags()).load()
        #expect(loaded.origins == [key: .flag(row.flag)])
        #expect(row.show(loaded.settings) == [Self.optionValues[key] ?? "true"])
    }

    @Test func `The document has a row for every setting`() throws {
        let found = try Self.lines("docs/configuration.md").filter {
            $0.hasPrefix("| `") && $0.hasSuffix(" |")
        }
        for row in SettingTable.rows {
            let fallback = row.show(DaemonSettings()).map { $0.joined(separator: ", ") } ?? "null"
            let shown = row.isList ? "[]" : fallback
            let line = "| `\(row.key)` | `\(shown)` | \(row.allowed) | \(row.help) |"
            #expect(found.contains(line), "docs/configuration.md lacks: \(line)")
        }
    }

    @Test func `The example explains every setting in the line above it`() throws {
        let lines = try Self.lines("etc/astd.yaml")
        for row in SettingTable.rows {
            let name = row.components.last ?? ""
            let indent = String(repeating: "  ", count: row.components.count - 1)
            let index = lines.firstIndex { $0.hasPrefix("\(indent)\(name):") }
            let at = try #require(index, "etc/astd.yaml lacks \(row.key)")
            let before = lines[..<at].last {
                !$0.hasPrefix("\(indent)deny:") && !$0.hasPrefix("\(indent)allow:")
            }
            #expect(before?.contains("#") == true, "etc/astd.yaml does not explain \(row.key)")
        }
    }

    @Test func `The words of the table are those of the modules that use them`() {
        let precisions = (["auto"] + Precision.allCases.map(\.rawValue)).joined(separator: ", ")
        #expect(SettingTable.byKey["precision"]?.allowed == "one of \(precisions)")
        let activations = (["auto"] + Activation.allCases.map(\.rawValue)).joined(separator: ", ")
        #expect(SettingTable.byKey["activation"]?.allowed == "one of \(activations)")
    }

    @Test(arguments: ["auto"] + Precision.allCases.map(\.rawValue))
    func `Every precision is accepted on every machine`(precision: String) throws {
        let sources = SettingsSources(file: nil, environment: ["ASTD_PRECISION": precision])
        #expect(try sources.load().settings.precision == precision)
    }

    @Test func `A source is checked by the program's own reader`() throws {
        func problems(_ source: String) -> [String] {
            let sources = SettingsSources(
                file: nil, environment: ["ASTD_SOURCE": source],
                checks: ["source": SourceSpec.problem(in:)])
            do throws(SettingsRefusal) {
                _ = try sources.load()
                return []
            } catch {
                return error.problems.map(\.description)
            }
        }
        for source in ["pulse", "pulse:*USB*", "file:a.wav", "stdin", "pipe:/p", "command:a b"] {
            #expect(problems(source) == [])
        }
        #expect(
            problems("command:a rtsp://u:p@h | b") == [
                "$ASTD_SOURCE: invalid value 'command:a rtsp://***@h | b' for source: | needs a shell: give "
                    + "sh -c '...', or quote it if it is an argument"
            ])
        #expect(
            problems("alsa") == [
                "$ASTD_SOURCE: invalid value 'alsa' for source; expected pulse, pulse:NAME, file:PATH, stdin[:FORMAT], pipe:PATH[?FORMAT] or command:ARGUMENTS"
            ])
    }

    @Test func `A command may be written as a list of words`() throws {
        let folder = try TestFolder()
        func load(_ text: String) throws -> DaemonSettings {
            try SettingsSources(file: try folder.write(text, to: "astd.yaml"), environment: [:]).load()
                .settings
        }
        let text = #"source: [command, sh, -c, "a 'b' | c", "", "-", http://h/a?b=1]"#
        let source = try load(text).source
        #expect(source == #"command:sh -c 'a '\''b'\'' | c' '' - 'http://h/a?b=1'"#)
        let words = ["sh", "-c", "a 'b' | c", "", "-", "http://h/a?b=1"]
        guard case .command(let command) = try SourceSpec(parsing: source) else {
            Issue.record("not a command: \(source)")
            return
        }
        #expect(command.words == words)
        for text in ["source: [pulse]", "source: [command]", "source: [command, [a]]", "hop: [command, a]"] {
            #expect(throws: SettingsRefusal.self) { try load(text) }
        }
    }
}
