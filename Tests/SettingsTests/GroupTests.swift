import Detection
import TestSupport
import Testing

@testable import Settings

/// The mapping `groups`.
@Suite struct GroupTests {
    private func load(_ text: String, flags: [String: [String]] = [:]) throws -> LoadedSettings {
        let folder = try TestFolder()
        let path = try folder.write(text, to: "astd.yaml")
        return try SettingsSources(file: path, environment: [:], flags: flags).load()
    }

    private func problems(_ text: String, flags: [String: [String]] = [:]) throws -> [String] {
        do {
            _ = try load(text, flags: flags)
            return []
        } catch let refusal as SettingsRefusal {
            return refusal.problems.map { String($0.description.split(separator: "astd.yaml").last ?? "") }
        }
    }

    private static let text = """
        groups:
          Dog: [Dog, Bark, "Growling: low"]
          Alarm: {members: [Siren, Dog], combine: noisy_or}
        sources:
          garden: {source: pulse}
        """

    @Test func `Groups are read, hold for every source, and are printed as they are read`() throws {
        let loaded = try load(Self.text)
        let groups = [
            LabelGroup(name: "Dog", members: ["Dog", "Bark", "Growling: low"]),
            LabelGroup(name: "Alarm", members: ["Siren", "Dog"], combination: .noisyOr),
        ]
        let settings = loaded.settings
        #expect(settings.detection.groups == groups)
        #expect(settings.settings(of: settings.sources[0]).detection.groups == groups)
        #expect(try load(loaded.text()).settings == settings)
        #expect(loaded.text().contains("  Dog: [Dog, Bark, \"Growling: low\"]"))
        #expect(settings.detectionText.contains("groups.Alarm {members: [Siren, Dog], combine: noisy_or}"))
    }

    @Test func `An option adds a group, and replaces one of the file`() throws {
        let loaded = try load(
            Self.text, flags: ["groups.Dog": ["Bark:Howl"], "groups.No. 1": ["Siren"]])
        #expect(loaded.settings.detection.groups.map(\.name) == ["Dog", "Alarm", "No. 1"])
        #expect(loaded.settings.detection.groups[0].members == ["Bark", "Howl"])
        #expect(loaded.origins["groups.Dog"] == .flag("--set"))
    }

    @Test func `Other groups take effect after a restart`() throws {
        let old = try load(Self.text).settings
        let new = try load("groups: {Dog: [Bark]}\nsources: {garden: {source: pulse}}").settings
        let changes = SettingsChanges(from: old, to: new)
        #expect(changes.applied.isEmpty)
        #expect(
            changes.postponed == [
                "groups.Alarm: {members: [Siren, Dog], combine: noisy_or} -> none",
                "groups.Dog: [Dog, Bark, Growling: low] -> [Bark]",
            ])
        #expect(old.reloaded(with: new).detection.groups == old.detection.groups)
    }

    @Test(arguments: [
        (
            "groups: [Dog]",
            ":1: groups must be a mapping of names to lists of labels, such as \"Dog: [Bark, Howl]\""
        ),
        (
            "groups: {Dog: Bark}",
            ":1: groups.Dog must be a list of labels, or a mapping with members (a list of labels) and combine"
        ),
        (
            "groups: {Dog: {combine: maximum}}",
            ":1: groups.Dog must be a list of labels, or a mapping with members (a list of labels) and combine"
        ),
        (
            "groups:\n  Dog: {members: [Bark], combine: sum}",
            ":2: invalid value 'sum' for groups.Dog.combine; expected one of maximum, noisy_or"
        ),
        (
            "groups:\n  Dog: {member: [Bark]}",
            ":2: unknown setting 'groups.Dog.member'; did you mean 'groups.Dog.members'?"
        ),
        ("groups: {Dog: []}", ":1: groups.Dog has no members; expected a list of labels"),
        ("groups: {Dog: [Bark, Bark]}", ":1: groups.Dog has the member 'Bark' twice"),
        ("groups: {Dog: [Pet], Pet: [Dog]}", ":1: groups.Dog contains itself: Dog > Pet > Dog"),
        (
            "activation: none\ngroups: {Dog: {members: [Bark], combine: noisy_or}}",
            ":2: groups.Dog combines probabilities (noisy_or), and activation: none has none; use maximum"
        ),
        (
            "sources:\n  a: {source: pulse, groups: {Dog: [Bark]}}",
            ":2: setting 'groups' does not belong in 'sources.a'; all sources share it; write it outside of sources"
        ),
    ])
    func `Mistakes in groups are named`(text: String, problem: String) throws {
        #expect(try problems(text) == [problem])
    }
}
