import TestSupport
import Testing

@testable import Inference

@Suite struct MergeTests {
    private static let model = Golden.path("models/stride10")

    private static func report(_ adapter: String, model: String = model) throws -> MergeReport? {
        try TestNetwork(directory: model, adapter: Golden.path("adapters/\(adapter)"), threads: 1).merged
    }

    @Test(arguments: ["modern-qv", "all-linear-blocks", "new-head", "mean-pooling"])
    func `Merging changes neither the files nor the base's scores`(adapter: String) throws {
        let folder = try TestFolder()
        let model = try folder.copy(Self.model, to: "model")
        let adapter = try folder.copy(Golden.path("adapters/\(adapter)"), to: "adapter")
        let files = [model + "/model.safetensors", adapter + "/adapter_model.safetensors"]
        let before = try files.map(TestFolder.bytes(of:))
        var random = SeededGenerator(seed: 3)
        let features = random.floats(96 * 128)

        let base = try TestNetwork(directory: model, threads: 2)
        let answer = ForwardPass.logits(base, features)
        let adapted = try TestNetwork(directory: model, adapter: adapter, threads: 2)
        #expect(ForwardPass.logits(adapted, features) != answer, "the adapter does something")
        #expect(ForwardPass.logits(base, features) == answer, "a base that is loaded already")
        #expect(
            ForwardPass.logits(try TestNetwork(directory: model, threads: 2), features) == answer, "a new one"
        )
        #expect(try files.map(TestFolder.bytes(of:)) == before)
        #expect(base.merged == nil)
    }

    @Test func `The report counts what was merged`() throws {
        let square = 32 * 32 * 4, wide = 32 * 64 * 4
        #expect(
            try Self.report("modern-qv")
                == MergeReport(matrices: 4, changedBytes: 4 * square, replacedTensors: 0, ranks: 4...4))
        #expect(
            try Self.report("all-linear-blocks")
                == MergeReport(
                    matrices: 12, changedBytes: 8 * square + 4 * wide, replacedTensors: 0, ranks: 3...3))
        #expect(
            try Self.report("new-head")
                == MergeReport(
                    matrices: 4, changedBytes: 4 * square + 4 * (2 * 32 + 4 * 33), replacedTensors: 4,
                    ranks: 4...4))
        #expect(try Self.report("mean-pooling")?.replacedTensors == 6)
        #expect(try Self.report("patterns")?.ranks == 2...6)
        #expect(try Self.report("f16-qv", model: Golden.path("models/f16"))?.matrices == 4)
    }

    @Test func `Adapters and checkpoints of transformers 4 and 5 can be combined`() throws {
        let golden = try #require(try Golden.load().cases.first { $0.id == "stride10+legacy-qv/speech" })
        let features = try golden.referenceFeatures()
        for adapter in ["modern-qv", "legacy-qv"] {
            let directory = Golden.path("adapters/\(adapter)")
            let older = try TestNetwork(directory: Self.model, adapter: directory, threads: 1)
            let newer = try TestNetwork(
                directory: Golden.path("models/modern-names"), adapter: directory, threads: 1)
            #expect(ForwardPass.logits(older, features) == ForwardPass.logits(newer, features), "\(adapter)")
        }
    }

    @Test func `An adapter without alpha has PEFT's default of 8`() throws {
        let folder = try TestFolder()
        let adapter = try folder.copy(Golden.path("adapters/modern-qv"), to: "adapter")
        try ConfigEdit.set("lora_alpha", to: nil, in: adapter, file: "adapter_config.json")
        let features = [Float](repeating: 0.25, count: 96 * 128)
        let wanted = try TestNetwork(
            directory: Self.model, adapter: Golden.path("adapters/modern-qv"), threads: 1)
        let found = try TestNetwork(directory: Self.model, adapter: adapter, threads: 1)
        #expect(ForwardPass.logits(found, features) == ForwardPass.logits(wanted, features))
    }

    @Test func `The first matching pattern of the file applies`() throws {
        let folder = try TestFolder()
        let module = "audio_spectrogram_transformer.layers.1.attention.q_proj"
        func scale(_ patterns: String, rank: Int = 4, more: String = "") throws -> Float {
            let path = try folder.write(
                #"{"peft_type": "LORA", "lora_alpha": 12, \#(more) "alpha_pattern": {\#(patterns)}}"#,
                to: "c.json")
            return try LoRA(ConfigFile(path: path)).scale(module: module, rank: rank)
        }
        #expect(try scale("") == 3)
        #expect(try scale(#""q_proj": 20"#) == 5)
        #expect(try scale(#""q_proj": 20, ".*": 40"#) == 5)
        #expect(try scale(#""z": 1, ".*": 40, "q_proj": 20"#) == 10)
        #expect(try scale(#""proj": 20"#) == 3, "a key is whole modules, not the end of a word")
        #expect(try scale(#""layers.1.attention.q_proj": 8"#) == 2)
        #expect(try scale(#""layers\\.[02]\\.attention\\.q_proj": 8"#) == 3)
        #expect(try scale(#""q_proj": 20"#, more: #""use_rslora": true,"#) == 10)
        #expect(try scale("", rank: 16, more: #""use_rslora": true,"#) == 3)
    }

    @Test func `An invalid pattern is rejected with its text`() throws {
        let folder = try TestFolder()
        let path = try folder.write(#"{"peft_type": "LORA", "alpha_pattern": {"q_(": 1}}"#, to: "c.json")
        #expect(
            throws: ModelError.unsupported(
                path: path, key: "alpha_pattern", found: "q_(",
                wanted:
                    "names or regular expressions of at most 2000 steps, without look-around and back references"
            )
        ) { try AdapterConfig(path: path) }
    }
}
