import Testing

@testable import Detection

@Suite struct LabelGroupTests {
    private static let labels = ["Dog", "Bark", "Cat", "Bark", "Car"]

    private static func scores(_ grouped: GroupedLabels, _ scores: [Float]) -> [Float] {
        var all = scores + [Float](repeating: .nan, count: grouped.labels.count - scores.count)
        all.withUnsafeMutableBufferPointer { grouped.apply($0) }
        return all
    }

    @Test func `A group follows the classes, and its score is the highest of its members`() {
        let grouped = GroupedLabels(
            Self.labels, groups: [LabelGroup(name: "Pet", members: ["Bark", "Cat"])])
        #expect(grouped.labels == Self.labels + ["Pet"])
        #expect(Self.scores(grouped, [0.9, 0.1, 0.2, 0.3, 0.8]) == [0.9, 0.1, 0.2, 0.3, 0.8, 0.3])
        // Logits.
        #expect(Self.scores(grouped, [9, -7, -5, -6, 8]).last == -5)
        #expect(grouped.collisions.isEmpty)
    }

    @Test func `Noisy-or is the probability that at least one member is right`() {
        let grouped = GroupedLabels(
            Self.labels,
            groups: [LabelGroup(name: "Pet", members: ["Dog", "Cat"], combination: .noisyOr)])
        #expect(Self.scores(grouped, [0.5, 0, 0.25, 0, 0]).last == Float(0.625))
        #expect(Self.scores(grouped, [1e-6, 0, 1e-6, 0, 0]).last ?? 0 >= 1.9e-6, "small scores add up")
        #expect(Self.scores(grouped, [1, 0, 0.2, 0, 0]).last == 1)
    }

    @Test func `A group takes the place of the label of its name that it contains`() {
        let grouped = GroupedLabels(
            Self.labels,
            groups: [
                LabelGroup(name: "Animal", members: ["Dog", "Cat"]),
                LabelGroup(name: "Dog", members: ["Dog", "Bark"]),
            ])
        #expect(grouped.labels == Self.labels + ["Animal"])
        // Elsewhere the name means the group: Animal contains the score of Bark.
        #expect(Self.scores(grouped, [0.1, 0.7, 0.2, 0.3, 0]) == [0.7, 0.7, 0.2, 0.3, 0, 0.7])
    }

    @Test func `A group exists where one of its members does, and not where its name is another label`() {
        let groups = [
            LabelGroup(name: "Bird", members: ["Owl", "Wren"]),
            LabelGroup(name: "Car", members: ["Cat"]),
            LabelGroup(name: "Beast", members: ["Bird", "Wolf", "Cat"]),
        ]
        let grouped = GroupedLabels(Self.labels, groups: groups)
        #expect(grouped.labels == Self.labels + ["Beast"])
        #expect(grouped.collisions == ["Car"])
        #expect(Self.scores(grouped, [0, 0, 0.5, 0, 0.25]) == [0, 0, 0.5, 0, 0.25, 0.5])
        #expect(GroupedLabels(["Wren"], groups: groups).labels == ["Wren", "Bird", "Beast"])
        #expect(GroupedLabels(["Sea"], groups: groups).labels == ["Sea"])
    }

    @Test func `Groups that contain each other are found, and a group's own name is a label`() {
        func group(_ name: String, _ members: String...) -> LabelGroup {
            LabelGroup(name: name, members: members)
        }
        #expect(LabelGroup.cycle(in: [group("a", "a", "x"), group("b", "a")]) == nil)
        #expect(
            LabelGroup.cycle(in: [group("d", "a"), group("a", "b"), group("b", "x", "c"), group("c", "a")])
                == ["a", "b", "c", "a"])
    }

    @Test func `Members of a group have no events of their own unless the rules name them`() {
        let labels = GroupedLabels(
            ["Dog", "Bark", "Car"], groups: [LabelGroup(name: "Dog", members: ["Dog", "Bark"])]
        ).labels
        func begun(_ change: (inout DetectionRules) -> Void) -> [String] {
            var rules = DetectionRules()
            rules.rule.minimumHits = 1
            rules.groups = [
                LabelGroup(name: "Dog", members: ["Dog", "Bark"]),
                // Without a member among the labels, it hides none.
                LabelGroup(name: "Train", members: ["Car", "Rail"]),
            ]
            change(&rules)
            var feed = Feed(rules, labels: labels)
            return feed.update([0.9, 0.9, 0.9], window: 0..<20).map { event in
                if case .begin(_, let label, _, _, _) = event { label } else { "no begin" }
            }
        }
        #expect(begun { _ in } == ["Dog", "Car"])
        #expect(begun { $0.allowed = ["Bark"] } == ["Bark"])
        #expect(begun { $0.allowed = ["Dog"] } == ["Dog"])
        #expect(begun { $0.exceptions["Bark"] = DetectionException() } == ["Dog", "Bark", "Car"])
        #expect(begun { $0.denied = ["Bark", "Car"] } == ["Dog"])
        #expect(begun { $0.denied = ["Dog"] } == ["Car"])

        var rules = DetectionRules()
        rules.groups = [LabelGroup(name: "Dog", members: ["Dog", "Bark"])]
        let detector = EventDetector(labels: labels, rules: rules, sampleRateHz: 10, hopSamples: 10)
        #expect(detector.explanations(of: "Bark").map(\.group) == ["Dog"])
        #expect(detector.explanations(of: "Dog").map(\.group) == [nil])
    }
}
