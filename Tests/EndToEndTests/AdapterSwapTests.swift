import Foundation
import TestSupport
import Testing
import TextSupport
import Wire

/// Adapters that are loaded, switched and unloaded at run time.
@Suite(.timeLimit(.minutes(10)))
struct AdapterSwapTests {
    private static let adapters = ["modern-qv", "dora", "new-head"]
    /// One that is merged, modules that mix tokens, and more tokens: each computes a window in another way.
    private static let families = [
        "modern-qv", "petl-module-conformer-houlsby-par", "petl-module-soft-mhsa-slots-normalized",
        "petl-method-deep-prompts",
    ]

    private static func path(_ adapter: String) -> String {
        "\(Astd.repository)/Tests/Golden/adapters/\(adapter)"
    }

    /// Raw logits of a window of silence, by adapter: the reference for a silent sink.
    private static func logitsOfSilence(
        of adapters: [String] = adapters, in folder: TestFolder
    ) async throws -> [String: [Float]] {
        let silence = try folder.write(
            SeededClip.wav([Int16](repeating: 0, count: 15_600)), to: "silence.wav")
        var logits: [String: [Float]] = [:]
        for adapter in [AdapterRecord.baseName] + adapters {
            let more = adapter == AdapterRecord.baseName ? [] : ["--adapter", path(adapter)]
            let result = try await Astd.classify([silence] + more, in: folder)
            let line = try #require(result.lines.first)
            logits[adapter] = try JSONObject(parsing: Array(line.utf8)).scores()
        }
        return logits
    }

    @Test(arguments: [
        (adapters, [["modern-qv"], ["base"], ["dora"], ["new-head", "base"], ["dora", "modern-qv"]]),
        (
            families,
            [[families[0]], [families[1]], ["base"], [families[2]], [families[3], "base"], [families[1]]]
        ),
    ])
    func `A hundred switches lose no sample, keep the adapters apart and leak no memory`(
        adapters: [String], choices: [[String]]
    ) async throws {
        let folder = try TestFolder()
        let expected = try await Self.logitsOfSilence(of: adapters, in: folder)
        #expect(Set(expected.values).count == adapters.count + 1, "each adapter has its own scores")
        let server = try await PulseServer(in: folder)
        let daemon = try await RunningDaemon.start(
            ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.2", "--activation", "none"], in: folder)
        let client = try daemon.subscribe()
        let first = try await client.nextPrediction()
        for adapter in adapters {
            #expect(try await daemon.astctl("adapter", "load", Self.path(adapter)).code == 0)
        }

        let switchCount = 100
        var memoryBefore: UInt64 = 0
        for swap in 0..<switchCount {
            let names = choices[swap % choices.count]
            let result = try await daemon.astctl(arguments: ["adapter", "use"] + names)
            #expect(result.code == 0, "\(result.errorLines)")
            if swap == switchCount / 4 { memoryBefore = try await daemon.status().memory.anonymousBytes }
        }
        let memoryAfter = try await daemon.status().memory.anonymousBytes
        #expect(memoryAfter < memoryBefore + 1_000_000, "\(memoryBefore) bytes, then \(memoryAfter)")

        var switches: [[String]] = []
        var active = [AdapterRecord.baseName]
        var seen: [String] = []
        var lastEnd = first.endSample
        var predictions = 0
        while switches.count < switchCount || predictions < switchCount {
            switch try #require(try await client.next()) {
            case .adapter(let record):
                #expect(seen.isEmpty || seen == active, "a switch is between two windows")
                (active, seen) = (record.adapters, [])
                switches.append(record.adapters)
            case .prediction(let prediction):
                let name = prediction.adapter ?? AdapterRecord.baseName
                if seen.count == active.count { seen = [] }
                if seen.isEmpty {
                    #expect(prediction.endSample == lastEnd + 3200, "every hop has a window or a gap")
                    lastEnd = prediction.endSample
                }
                #expect(prediction.endSample == lastEnd)
                seen.append(name)
                #expect(Array(active.prefix(seen.count)) == seen)
                #expect(prediction.scores == expected[name], "\(name) after \(switches.count) swaps")
                predictions += 1
            case .gap(let gap):
                // A busy machine skips a hop and reports it; nothing else is missing.
                #expect(gap.reason == .skipped, "\(gap)")
                lastEnd += gap.endSample - gap.startSample
            case .lost(let lost): Issue.record("\(lost)")
            default: break
            }
        }
        #expect(switches == (0..<switchCount).map { choices[$0 % choices.count] })
        let status = try await daemon.status()
        #expect(status.counters.overrunSamples == 0)
        #expect(status.counters.lostSamples == 0)
        withExtendedLifetime(server) {}
    }

    @Test func `Repeated loading and unloading leaks no memory`() async throws {
        let folder = try TestFolder()
        let silence = try SeededClip.longSilence(in: folder)
        let daemon = try await RunningDaemon.start(
            ["--source", "file:\(silence)", "--hop", "60"], in: folder)
        let control = try daemon.control()
        func memory(after rounds: Int) async throws -> UInt64 {
            for _ in 0..<rounds {
                try await control.ask("adapter.load", #"{"path":"\#(Self.path("hra"))"}"#)
                try await control.ask("adapter.use", #"{"names":["hra"]}"#)
                try await control.ask("adapter.use", #"{"names":["base"]}"#)
                try await control.ask("adapter.unload", #"{"name":"hra"}"#)
            }
            return try await daemon.status().memory.anonymousBytes
        }
        // The adapter merges into 100 kB of weights, 70 kB in int8. What grows without a leak, for 800
        // rounds: the history by 2 kB for each of two records, and the allocator by half a megabyte for each
        // thread.
        let early = try await memory(after: 50)
        let late = try await memory(after: 200)
        #expect(late < early + 5_000_000, "a leak of 25 kB per round: \(early) to \(late)")
    }

    @Test func `A switch to an adapter with another window length keeps the stream position`() async throws {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let daemon = try await RunningDaemon.start(
            [
                "--source", "pulse:\(PulseServer.monitor)", "--hop", "0.1", "--adapter",
                Self.path("max-length"),
            ], in: folder
        )
        let client = try daemon.subscribe()
        let first = try await client.nextPrediction()
        let frames = { (prediction: Prediction) in (prediction.endSample - prediction.startSample - 240) / 160
        }
        #expect(first.adapter == "max-length")
        #expect(frames(first) != 96)
        #expect(try await daemon.astctl("adapter", "use", "base", "max-length").code == 0)
        let base = try await client.next { record in
            record.prediction.flatMap { $0.adapter == nil ? $0 : nil }
        }
        let short = try await client.nextPrediction()
        #expect(frames(base) == 96)
        #expect(frames(short) == frames(first))
        #expect(short.endSample == base.endSample, "both windows end with the same sample")
        #expect(try await daemon.astctl("adapter", "use", "max-length").code == 0)
        let hello = try await daemon.status()
        #expect(hello.adapters == ["max-length"])
        withExtendedLifetime(server) {}
    }

    @Test func `A switch from a short window to a long one skips no hop`() async throws {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let short = "petl-qv-cls-64"
        let daemon = try await RunningDaemon.start(
            ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.1", "--adapter", Self.path(short)],
            in: folder)
        let client = try daemon.subscribe()
        // Longer than the base's window, so that all its frames exist.
        var end = try await client.nextPrediction().endSample
        while end < 40_000 { end = try await client.nextPrediction().endSample }
        #expect(try await daemon.astctl("adapter", "use", "base").code == 0)
        var isSwitched = false
        while !isSwitched {
            let record = try #require(try await client.next())
            if let gap = record.gap { end += gap.endSample - gap.startSample }
            guard let prediction = record.prediction else { continue }
            isSwitched = prediction.adapter == nil
            // The base's windows start at other multiples of the hop than the adapter's.
            #expect(prediction.endSample > end)
            #expect(prediction.endSample <= end + 2 * 1600)
            end = prediction.endSample
        }
        withExtendedLifetime(server) {}
    }

    @Test func `Reload replaces, adds and removes the adapters of the directory`() async throws {
        let folder = try TestFolder()
        let expected = try await Self.logitsOfSilence(in: folder)
        let server = try await PulseServer(in: folder)
        let directory = folder.file("adapters")
        try folder.replace("adapters/mine", with: Self.path("modern-qv"))
        let daemon = try await RunningDaemon.start(
            [
                "--source", "pulse:\(PulseServer.monitor)", "--hop", "0.1", "--activation", "none",
                "--adapters-dir",
                directory,
            ], in: folder)
        try await eventually("the adapters' directory") {
            try await daemon.astctl("adapter").lines
        } until: { lines in
            lines.contains { $0.contains("mine") }
        }
        #expect(try await daemon.astctl("adapter", "use", "mine").code == 0)
        let client = try daemon.subscribe()
        let before = try await client.next { record in
            record.prediction.flatMap { $0.adapter == "mine" ? $0 : nil }
        }
        #expect(before.scores == expected["modern-qv"])

        try folder.replace("adapters/mine", with: Self.path("dora"))
        try folder.replace("adapters/other", with: Self.path("new-head"))
        try folder.replace("adapters/broken", with: Self.path("pissa"))
        try folder.write("x", to: "adapters/empty/notes.txt")
        let reload = try await daemon.astctl("reload")
        #expect(reload.code == 1)
        #expect(reload.lines == ["loaded: other", "replaced: mine"])
        try #require(reload.errorLines.count == 2)
        #expect(reload.errorLines[0].hasPrefix("astctl: warning: \(directory)/empty: no adapter in "))
        #expect(reload.errorLines[1].contains("init_lora_weights is pissa"))
        _ = try await client.next { $0.isAdapter ? true : nil }
        #expect(try await client.nextPrediction().scores == expected["dora"])
        #expect(try await daemon.astctl("reload").lines == ["unchanged: mine, other"])

        try folder.remove("adapters/other")
        #expect(try await daemon.astctl("reload").lines == ["unchanged: mine", "removed: other"])
        withExtendedLifetime(server) {}
    }

    @Test func `A refused request has its reason and changes nothing`() async throws {
        let folder = try TestFolder()
        let daemon = try await RunningDaemon.start(
            [
                "--source", "file:\(try SeededClip.longSilence(in: folder))", "--adapter",
                Self.path("modern-qv"),
            ],
            in: folder)
        let refusals: [([String], String)] = [
            (["use", "birds"], "no adapter birds is loaded; loaded: modern-qv, base"),
            (["unload", "modern-qv"], "adapter modern-qv is in use; switch to another one first"),
            (["unload", "birds"], "no adapter birds is loaded"),
            (["use", "base", "base"], "adapter base is given twice"),
            (["load", Self.path("broken-nan")], "contains infinite or NaN values"),
            (["load", Self.path("odd-blocks")], "the base requires"),
            (["load", "/nowhere"], "/nowhere/adapter_config.json: no such file: there is no directory"),
            (
                ["load", Self.path("dora"), "--name", "base"],
                "`base` stands for the model without an adapter"
            ),
            (["load", Self.path("dora"), "--name", "a/b"], "the name must not contain slashes"),
        ]
        for (arguments, reason) in refusals {
            let result = try await daemon.astctl(arguments: ["adapter"] + arguments)
            #expect(result.code == 1, "\(arguments)")
            #expect(
                result.errorLines.count == 1 && result.errorLines[0].contains(reason), "\(result.errorLines)")
        }
        #expect(try await daemon.status().adapters == ["modern-qv"])
        let list = try await daemon.astctl("adapter")
        #expect(
            list.lines.count == 2 && list.lines[1].hasPrefix("* modern-qv  12 labels, 4 matrices of rank 4"))
        #expect(try await daemon.astctl("labels", "--adapter", "base").lines.count == 12)
    }

    @Test func `An adapter that does not fit exits with 66 and the reason`() async throws {
        let folder = try TestFolder()
        for (adapters, reason) in [
            (["pissa"], "init_lora_weights is pissa"),
            (["modern-qv", "modern-qv"], "two adapters are named modern-qv"),
        ] {
            let result = try await Astd.run(
                [
                    "astd", "run", "--model", Astd.model, "--source", "file:\(Astd.clip)", "--runtime-dir",
                    folder.path,
                ]
                    + adapters.flatMap { ["--adapter", Self.path($0)] }, in: folder)
            #expect(result.code == 66)
            #expect(result.errorLines.last?.contains(reason) == true, "\(result.errorLines)")
        }
    }

    @Test func `Classify takes the only adapter in a folder and warns of missing labels`() async throws {
        let folder = try TestFolder()
        try folder.copy(Self.path("new-head"), to: "out/birds")
        try folder.remove("out/birds/config.json")
        let result = try await Astd.classify([Astd.clip, "--adapter", folder.file("out")], in: folder)
        #expect(result.code == 0)
        #expect(result.lines.first?.contains(#""label":"LABEL_"#) == true, "\(result.lines)")
        #expect(
            result.errorLines.contains { $0.hasPrefix("astd: adapter out: it has a classifier of its own") },
            "\(result.errorLines)")
    }

    @Test func `A model file truncated at run time ends the daemon with 74 and the reason`() async throws {
        let folder = try TestFolder()
        try folder.replace("model", with: Astd.model)
        let daemon = try await RunningDaemon.start(
            ["--source", "file:\(try SeededClip.longSilence(in: folder))", "--hop", "0.1"],
            model: folder.file("model"), in: folder)
        try folder.truncate("model/model.safetensors")
        let result = try await daemon.program.exit()
        #expect(result.code == 74)
        let path = folder.file("model/model.safetensors")
        #expect(
            result.errorLines.last?.hasPrefix("astd: \(path) was truncated") == true, "\(result.errorLines)")
    }

    @Test(.enabled(if: Astd.computesInt8))
    func `Cached weights that are truncated at run time are named, and the next start rebuilds them`()
        async throws
    {
        let folder = try TestFolder()
        let silence = try SeededClip.longSilence(in: folder)
        let arguments = [
            "--source", "file:\(silence)", "--hop", "0.1", "--precision", "int8", "--cache-dir",
            folder.file("cache"),
        ]
        // The first start computes with what it has packed, the second with the file.
        for isFirst in [true, false] {
            let daemon = try await RunningDaemon.start(arguments, in: folder)
            _ = try await daemon.listen().nextPrediction()
            let name = try #require(
                try FileManager.default.contentsOfDirectory(atPath: folder.file("cache"))
                    .first { $0.hasSuffix(".packed") })
            if isFirst {
                daemon.program.send(SIGTERM)
                _ = try await daemon.program.exit()
                continue
            }
            try folder.truncate("cache/\(name)")
            let result = try await daemon.program.exit()
            #expect(result.code == 74)
            let line = result.errorLines.last ?? ""
            #expect(
                line.contains("the cached weights \(folder.file("cache"))/\(name) were truncated"), "\(line)")
            #expect(line.hasSuffix("start again; astd rebuilds the file"), "\(line)")
        }
        let daemon = try await RunningDaemon.start(arguments, in: folder)
        _ = try await daemon.listen().nextPrediction()
    }

    @Test func `Several adapters classify each window of a file, and each record names its adapter`()
        async throws
    {
        let folder = try TestFolder()
        let clip = try folder.write(SeededClip.wav(SeededClip(seed: 3).samples), to: "clip.wav")
        let names = ["modern-qv", "new-head"]
        let both = try await Astd.classify(
            [clip] + names.flatMap { ["--adapter", Self.path($0)] }, in: folder)
        let records = try both.lines.map { try JSONObject(parsing: Array($0.utf8)) }
        for name in names {
            let alone = try await Astd.classify([clip, "--adapter", Self.path(name)], in: folder)
            let expected = try alone.lines.map { try JSONObject(parsing: Array($0.utf8)) }
            let own = try records.filter { try $0.string("adapter") == name }
            #expect(try own.map { try $0.scores() } == expected.map { try $0.scores() })
            #expect(own.map { $0["start"] } == expected.map { $0["start"] })
            #expect(try expected.allSatisfy { try $0.string("adapter") == nil })
        }
    }
}
