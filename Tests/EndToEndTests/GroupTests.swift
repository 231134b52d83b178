import TestSupport
import Testing
import TextSupport
import Wire

/// Groups of labels: in the daemon, for its clients, and in `astd classify --events`.
@Suite(.timeLimit(.minutes(10)))
struct GroupTests {
    private static let settings = """
        hop: 0.2
        detection: {on: 0.0001, minimum_hits: 1, allow: [Speech, Tonal]}
        groups:
          Speech: [Speech, "Male speech, man speaking"]
          Tonal: {members: [Music, Speech, Silence], combine: noisy_or}

        """

    @Test func `A group has scores, events and an explanation, and filters take it`() async throws {
        let folder = try TestFolder()
        let config = try folder.write(Self.settings, to: "astd.yaml")
        let silence = try SeededClip.longSilence(in: folder)
        let daemon = try await RunningDaemon.start(
            ["--config", config, "--source", "file:\(silence)", "--wait-for-subscriber"], in: folder)
        let labels = try await daemon.astctl("labels")
        #expect(labels.lines.last?.contains("Tonal") == true, "\(labels.lines)")
        // The model's own; groups are not counted.
        #expect(try await daemon.status().model.labels == 12)
        #expect(try daemon.program.standardError().contains(": 12 labels, scores by "))
        let everything = try daemon.subscribe()
        let filtered = try RecordClient(folder.file(RunningDaemon.control))
        try await filtered.ask("subscribe", #"{"labels":["Tonal"],"types":["prediction","event"]}"#)
        var windows = 0
        var events: Set<String> = []
        try await everything.next("four windows and two events") { record -> Void? in
            if let event = record.event { events.insert(event.label) }
            if let prediction = record.prediction {
                windows += 1
                try Self.check(prediction)
            }
            return windows >= 4 && events.count >= 2 ? () : nil
        }
        #expect(events == ["Speech", "Tonal"])
        let explained = try await daemon.astctl("explain", "Male speech, man speaking")
        #expect(
            explained.lines.first?.contains("denied, group Speech reports it") == true, "\(explained.lines)")
        try daemon.control().send("shutdown")
        let selected = try await filtered.rest()
        #expect(selected.contains { $0.prediction != nil } && selected.contains { $0.event != nil })
        for record in selected {
            #expect(record.prediction?.labels.map(\.label) ?? ["Tonal"] == ["Tonal"])
            #expect(record.event?.label ?? "Tonal" == "Tonal")
        }

        let batch = try await Astd.run(
            [
                "astd", "classify", "--model", Astd.model, Astd.clip, "--events", "--config", config,
                "--format", "jsonl",
            ], in: folder)
        #expect(batch.code == 0, "\(batch.errorLines)")
        let found = try batch.lines.map { try JSONObject(parsing: Array($0.utf8)).requiredString("label") }
        #expect(Set(found) == events)
    }

    /// Compares the scores of the groups with those of their members.
    private static func check(_ prediction: Prediction) throws {
        func score(_ label: String) throws -> Float {
            let found = prediction.labels.filter { $0.label == label }
            #expect(found.count == 1)
            return try #require(found.first?.score)
        }
        let speech = try score("Speech")
        #expect(try speech >= score("Male speech, man speaking"))
        let members = [try score("Music"), speech, try score("Silence")]
        let none = members.reduce(1.0) { $0 * (1 - Double($1)) }
        #expect(try abs(Double(score("Tonal")) - (1 - none)) < 1e-6)
        #expect(prediction.labels.first { $0.label == "Tonal" }?.index == 12)
    }

    @Test func `Members that no model has and names of other labels are refused, with the nearest name`()
        async throws
    {
        let folder = try TestFolder()
        let config = try folder.write(
            "groups: {Talk: [Spech, Music], Music: [Silence], Zipper: [Zipper]}\n", to: "astd.yaml")
        let problems = [
            "astd: groups.Music: the model has a label 'Music' that is not a member of the group; add it to the members, or give the group another name",
            "astd: groups.Talk: no loaded model or adapter has a label 'Spech'; did you mean 'Speech'?",
            "astd: groups.Zipper: no loaded model or adapter has a label 'Zipper'",
        ]
        for command in [
            ["astd", "run", "--runtime-dir", folder.path, "--source", "file:\(Astd.clip)"],
            ["astd", "classify", Astd.clip, "--events"],
        ] {
            let result = try await Astd.run(
                command + ["--model", Astd.model, "--config", config], in: folder)
            #expect(result.code == 78)
            #expect(result.errorLines.filter { $0.contains("groups.") } == problems, "\(result.errorLines)")
            #expect(result.output.isEmpty)
        }
    }
}
