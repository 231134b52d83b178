import Detection
import TestSupport
import Testing

@testable import Settings

/// The map `sources`.
@Suite struct SourceSettingsTests {
    private func load(
        _ text: String, flags: [String: [String]] = [:], environment: [String: String] = [:]
    ) throws -> LoadedSettings {
        let folder = try TestFolder()
        let path = try folder.write(text, to: "astd.yaml")
        return try SettingsSources(file: path, environment: environment, flags: flags).load()
    }

    private func problems(_ text: String, flags: [String: [String]] = [:]) throws -> [String] {
        do {
            _ = try load(text, flags: flags)
            return []
        } catch let refusal as SettingsRefusal {
            return refusal.problems.map { String($0.description.split(separator: "astd.yaml").last ?? "") }
        }
    }

    private static let two = """
        hop: 2
        detection: {on: 0.4, labels: {Dog: {on: 0.3}}}
        sources:
          garden:
            source: pulse:*Yeti*
            high_pass_hz: 80
            detection: {off: 0.1, labels: {Cat: {on: 0.9}}}
          door: {source: 'pipe:/run/door', hop: 0.5, gate: -60, detection.minimum_hits: 1}
        """

    @Test func `A source has its own settings, and the common ones where it has none`() throws {
        let settings = try load(Self.two).settings
        #expect(settings.sources.map(\.name) == ["garden", "door"])
        let garden = settings.settings(of: settings.sources[0])
        #expect(garden.source == "pulse:*Yeti*" && garden.highPassHz == 80 && garden.hop == 2)
        #expect(garden.detection.rule.on == 0.4 && garden.detection.rule.off == 0.1)
        #expect(garden.detection.exceptions.keys.sorted() == ["Cat", "Dog"])
        let door = settings.settings(of: settings.sources[1])
        #expect(door.hop == 0.5 && door.gate == -60 && door.detection.rule.minimumHits == 1)
        #expect(door.detection.rule.off == nil && door.highPassHz == nil)
    }

    @Test func `The printed settings are read back as they are`() throws {
        let loaded = try load(Self.two, flags: ["sources.door.hop": ["0.25"]])
        #expect(loaded.text().contains("hop: 0.25 "))
        #expect(try load(loaded.text()).settings == loaded.settings)
    }

    @Test func `A source of a later layer replaces all of them`() throws {
        #expect(try load(Self.two, flags: ["source": ["stdin"]]).settings.sources.isEmpty)
        #expect(try load(Self.two, environment: ["ASTD_SOURCE": "stdin"]).settings.sources.isEmpty)
    }

    @Test func `Each channel of a source is a stream, with the settings of the source`() throws {
        let loaded = try load(
            """
            gain_db: 3
            sources:
              yard: {source: pulse, channel: each, hop: 0.5, quiet_hours: ["22:00-06:00"]}
              array: {source: 'pipe:/a?rate=16000&channels=4', channel: each}
              four: {source: 'command:x', channel: 'each:3'}
              door: {source: pulse:door, channel: right}
            """)
        let streams = loaded.settings.streams
        #expect(
            streams.map(\.name) == [
                "yard/left", "yard/right", "array/1", "array/2", "array/3", "array/4", "four/1", "four/2",
                "four/3", "door",
            ])
        #expect(streams.prefix(2).map(\.settings.channel) == ["1", "2"])
        #expect(streams.prefix(2).allSatisfy { $0.settings.hop == 0.5 && $0.settings.gainDB == 3 })
        #expect(streams[1].settings.quietHours.count == 1)
        #expect(streams[1].channel == StreamSettings.Channel(source: "yard", number: 2, count: 2))
        #expect(streams[9].channel == nil && streams[9].settings.channel == "right")
        #expect(loaded.text().contains("\n# sources.yard makes the sources yard/left, yard/right\n"))
        #expect(try load(loaded.text()).settings == loaded.settings)

        let single = try load("channel: each").settings
        #expect(single.streams.map(\.name) == ["left", "right"])
        #expect(DaemonSettings().streams == [StreamSettings(name: nil, settings: DaemonSettings())])
        // Another number of channels is another capture, although the first channels keep their names.
        let (three, four) = (try load("channel: each:3").settings, try load("channel: each:4").settings)
        #expect(three.streams[0].name == four.streams[0].name)
        #expect(three.streams[0].startsAgain(for: four.streams[0]))
        #expect(!three.streams[0].startsAgain(for: three.streams[0]))
    }

    @Test(arguments: [
        ("sources: {a: {source: 'file:x.wav', channel: each}}", "sources.a.channel: each applies to live"),
        ("channel: each\nsource: stdin", "stdin is a recording"),
        ("channel: each\nsources: {a: {source: 'file:x.wav'}}", "file is a recording"),
        (
            "sources: {a: {source: 'pipe:/x?rate=8000&channels=1', channel: each}}",
            "the source has 1; expected mix"
        ),
        (
            "sources: {a: {source: 'pipe:/x?rate=8000&channels=2', channel: 'each:3'}}",
            "each:3 needs 3 channels, and the source has 2; expected each"
        ),
        ("channel: each:1", "invalid value 'each:1' for channel"),
        ("channel: each:65", "each, or each:N with N from 2"),
        (
            "channel: each:40\nsources: {a: {source: pulse:a}, b: {source: pulse:b}}",
            "80 streams, with those of channel: each; expected at most 64"
        ),
        ("sources: {a/left: {source: pulse:a}}", "'a/left' cannot name a source"),
    ])
    func `A source whose channels cannot be streams is refused`(text: String, reason: String) throws {
        let found = try problems(text)
        #expect(found.count == 1 && found.first?.contains(reason) == true, "\(found)")
    }

    @Test(arguments: [
        ("sources: {a: {hop: 1}}", "a has no source"),
        ("sources: {a b: {source: pulse}}", "'a b' cannot name a source"),
        (
            "sources: {a: {source: pulse, threads: 2}}",
            "'threads' does not belong in 'sources.a'; all sources share it"
        ),
        ("sources: {a: {source: pulse, hopp: 2}}", "unknown setting 'hopp'; did you mean 'hop'?"),
        ("sources: {a: {source: pulse, hop: x}}", "invalid value 'x' for sources.a.hop"),
        ("sources: {a: {source: pulse}, a: {source: pulse}}", "duplicate setting 'sources.a'"),
        ("source: pulse\nsources: {a: {source: pulse}}", "source and sources are both given"),
        ("sources: {a: {source: pulse, detection: {on: 0.3, off: 0.6}}}", "off must not be above on"),
        (
            "detection: {off: 0.4}\nsources: {a: {source: pulse, detection: {on: 0.3}}}",
            "off must not be above on"
        ),
        ("sources: {a: {source: 'pipe:/x'}, b: {source: 'pipe:/x?rate=8000'}}", "a and b both read pipe:/x"),
        ("sources: [pulse]", "sources must be a mapping"),
        ("sources: {a: pulse}", "sources.a must be a mapping"),
        ("sourcs: {a: {source: pulse}}", "did you mean 'source'?"),
    ])
    func `A mistake is reported with its line and what is expected`(text: String, message: String) throws {
        let found = try problems(text)
        #expect(found.contains { $0.contains(message) }, "\(found)")
    }

    @Test func `A setting of a source that does not exist is an error of the option`() throws {
        #expect(try problems(Self.two, flags: ["sources.cellar.hop": ["1"]]) != [])
        #expect(try problems(Self.two, flags: ["sources.door.threads": ["1"]]) != [])
        #expect(try problems("hop: 1", flags: ["sources.door.hop": ["1"]]) != [])
    }

    @Test func `A reload reports each change, and one source does not become several`() throws {
        let old = try load(Self.two).settings
        let new = try load(
            "hop: 2\nsources: {door: {source: 'pipe:/run/door', hop: 1}, attic: {source: pulse}}"
        ).settings
        let changes = SettingsChanges(from: old, to: new)
        #expect(changes.applied.contains("sources.door.hop: 0.5 -> 1"))
        #expect(changes.applied.contains("sources.attic.source: null -> pulse"))
        #expect(changes.applied.contains("sources.garden.source: pulse:*Yeti* -> null"))
        #expect(old.reloaded(with: new).sources == new.sources)
        let single = DaemonSettings()
        #expect(SettingsChanges(from: single, to: new).postponed.contains { $0.hasPrefix("sources.door") })
        #expect(single.reloaded(with: new).sources.isEmpty)
    }
}
