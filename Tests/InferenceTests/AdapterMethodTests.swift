import TestSupport
import Testing

@testable import Inference

/// The methods of PEFT besides LoRA. Their numbers are golden cases (`ForwardPassTests`), their broken forms
/// golden refusals (`RefusedAdapterTests`).
@Suite struct AdapterMethodTests {
    private static let model = Golden.path("models/stride10")

    private static func logits(_ adapter: String) throws -> [Float] {
        let network = try TestNetwork(directory: model, adapter: adapter, threads: 1)
        return ForwardPass.logits(network, [Float](repeating: 0.25, count: 96 * 128))
    }

    @Test func `Every method has a golden case, and is not among those that are refused`() throws {
        let adapters = Set(try Golden.load().cases.compactMap(\.adapter))
        let types = Set(
            try adapters.map { try AdapterConfig(path: Golden.path($0) + "/adapter_config.json") }
                .map { type(of: $0.method).peftType })
        let names = AdapterMethods.supported.map { $0.peftType }
        #expect(types == Set(names))
        #expect(Set(names).count == names.count)
        #expect(Set(names).isDisjoint(with: AdapterMethods.refused.keys))
    }

    @Test func `A refused method is named with the reason`() throws {
        let folder = try TestFolder()
        for (name, reason) in AdapterMethods.refused {
            let path = try folder.write(#"{"peft_type": "\#(name)"}"#, to: "adapter_config.json")
            let message = #expect(throws: ModelError.self) { try AdapterConfig(path: path) }?.description
            #expect(message?.contains("peft_type is \(name), supported: LORA, ") == true)
            #expect(message?.hasSuffix("; \(reason)") == true, "\(message ?? "")")
        }
    }

    @Test func `Every method accepts its neutral keys with any value and refuses unknown ones`() throws {
        let folder = try TestFolder()
        for method in AdapterMethods.supported {
            func refusal(_ key: String, _ value: String) throws -> ModelError? {
                let required = ["UNILORA": #""save_indices": true, "#, "PETL_AST": #""method": "linear", "#]
                let more = required[method.peftType] ?? ""
                let path = try folder.write(
                    #"{"peft_type": "\#(method.peftType)", \#(more)"\#(key)": \#(value)}"#,
                    to: "adapter_config.json")
                do throws(ModelError) { _ = try AdapterConfig(path: path) } catch { return error }
                return nil
            }
            for key in method.keys.neutral {
                #expect(try refusal(key, #"{"a": 1}"#) == nil, "\(method.peftType) \(key)")
            }
            for (key, _) in method.keys.unmergeable {
                #expect(try refusal(key, "true") != nil && refusal(key, "null") == nil)
            }
            #expect(try refusal("use_future", "true") != nil && refusal("use_future", "false") == nil)
        }
    }

    /// Adapters as a program saves them that takes the state dictionary itself, with the adapter's name.
    @Test(arguments: [
        "ia3", "ln-tuning", "lokr", "adalora", "oft", "boft", "hra", "miss", "vera", "fourierft",
        "gralora-hybrid", "vblora",
    ])
    func `The adapter's name in a tensor's name changes nothing`(_ name: String) throws {
        let original = Golden.path("adapters/\(name)")
        let method = type(of: try AdapterConfig(path: original + "/adapter_config.json").method)
        let folder = try TestFolder()
        let renamed = try folder.copy(original, to: "renamed")
        var edit = try AdapterEdit(reading: original)
        edit.rename { name in
            var parts = name.split(separator: ".")
            guard let root = parts.firstIndex(where: method.roots.contains) else { return name }
            parts.insert("birds", at: root + 1)
            return "_orig_mod." + parts.joined(separator: ".")
        }
        try edit.write(to: "renamed", in: folder)
        #expect(try Self.logits(renamed) == Self.logits(original))
    }

    @Test func `AdaLoRA drops the ranks that rank_pattern masks, where the file still has them`() throws {
        let original = Golden.path("adapters/adalora")
        let folder = try TestFolder()
        let module = "audio_spectrogram_transformer.layers.0.attention.q_proj"
        let mask = [true, false, true, true, false, false]
        for name in ["whole", "trimmed"] {
            try folder.copy(original, to: name)
            try ConfigEdit.set(
                "rank_pattern", to: .object(["\(module).lora_E": .list(mask.map { .flag($0) })]),
                in: folder.file(name), file: "adapter_config.json")
        }
        var edit = try AdapterEdit(reading: original)
        let kept = mask.indices.filter { mask[$0] }
        let prefix = "base_model.model.\(module)."
        for (name, columns) in [("lora_A", 32), ("lora_E", 1)] {
            let values = try #require(edit.tensors[prefix + name]?.values)
            edit.set(
                prefix + name, [3, columns],
                kept.flatMap { Array(values[$0 * columns..<($0 + 1) * columns]) })
        }
        let values = try #require(edit.tensors[prefix + "lora_B"]?.values)
        edit.set(prefix + "lora_B", [32, 3], (0..<32).flatMap { row in kept.map { values[row * 6 + $0] } })
        try edit.write(to: "trimmed", in: folder)
        let trimmed = try Self.logits(folder.file("trimmed"))
        #expect(try Self.logits(folder.file("whole")) == trimmed)
        #expect(try Self.logits(original) != trimmed)
    }

    @Test func `PyTorch's random numbers are reproduced`() {
        var generator = TorchGenerator(seed: 777)
        #expect(generator.permutation(of: 1000, first: 8) == [735, 819, 201, 799, 435, 497, 175, 590])
        generator = TorchGenerator(seed: (1 << 40) + 5)
        #expect(generator.permutation(of: 7, first: 7) == [1, 0, 4, 2, 6, 5, 3])
        generator = TorchGenerator(seed: -3)
        #expect(generator.permutation(of: 9, first: 9) == [3, 8, 0, 7, 2, 4, 1, 6, 5])
        generator = TorchGenerator(seed: 5)
        #expect(
            generator.uniform(3, from: -0.3, to: 0.3)
                == [0x1.95d042p-3, -0x1.cb6f58p-3, 0x1.f4b2e2p-3])
        generator = TorchGenerator(seed: 1)
        #expect(generator.uniform(2000, from: 0, to: 1).last == 0.242073655128479)
    }

    @Test func `A Cayley transform is a rotation, at any size`() throws {
        var random = SeededGenerator(seed: 16)
        for side in [1, 2, 7, 64, 129] {
            var skew = SquareMatrix(side: side, values: Array(repeating: 0, count: side * side))
            for row in 0..<side {
                for column in 0..<row {
                    let value = Double.random(in: -3...3, using: &random)
                    skew[row, column] = value
                    skew[column, row] = -value
                }
            }
            let rotation = try #require(skew.cayleyTransform())
            var transposed = rotation
            for row in 0..<side { for column in 0..<side { transposed[row, column] = rotation[column, row] } }
            var difference = rotation * transposed
            difference.add(.identity(side), times: -1)
            #expect(difference.values.allSatisfy { abs($0) < 1e-10 }, "\(side)")
        }
    }

    @Test func `A merge reports the changed matrices, and the rank where there is one`() throws {
        func report(_ name: String) throws -> MergeReport? {
            try TestNetwork(directory: Self.model, adapter: Golden.path("adapters/\(name)"), threads: 1)
                .merged
        }
        #expect(try report("ia3")?.matrices == 6 && report("ia3")?.ranks == nil)
        #expect(try report("adalora-allocated")?.ranks?.lowerBound == 0)
        #expect(try report("ln-tuning")?.matrices == 0 && report("ln-tuning")?.replacedTensors == 12)
        #expect(try report("loha-patterns")?.ranks == 2...4)
        // Biases alone need no memory for matrices.
        #expect(try report("beft")?.matrices == 0 && report("beft")?.changedBytes == 4 * 2 * (5 * 32 + 64))
    }

    @Test func `The base is unchanged after an adapter of each method`() throws {
        let base = try BaseModel(directory: Self.model)
        let features = [Float](repeating: 0.25, count: 96 * 128)
        let engine = try Engine(threads: 1)
        func logits(_ network: AST) -> [Float] {
            var logits = [Float](repeating: 0, count: network.config.labels.count)
            engine.prepare(for: [network])
            features.withUnsafeBufferPointer { features in
                logits.withUnsafeMutableBufferPointer { engine.classify(network, features, logits: $0) }
            }
            return logits
        }
        let before = logits(base.network)
        for name in ["ia3-all", "oft", "road-1", "hira", "miss-bat", "boft", "beft"] {
            let adapted = try base.adapted(by: Adapter(directory: Golden.path("adapters/\(name)")))
            #expect(logits(adapted) != before)
        }
        #expect(logits(base.network) == before)
    }
}
