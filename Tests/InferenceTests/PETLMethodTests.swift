import TestSupport
import Testing

@testable import Inference

/// Adapters of PETL_AST that change what the network computes; ``ForwardPassTests`` compares their scores.
@Suite struct PETLMethodTests {
    private let folder: TestFolder

    private static let model = Golden.path("models/stride10")
    private static let attention =
        "base_model.model.audio_spectrogram_transformer.encoder.layer.1.attention.attention."
    private static let backbone = "base_model.model.audio_spectrogram_transformer."

    init() throws { folder = try TestFolder() }

    /// A copy of a golden adapter, `method` being the end of its name.
    private func copy(_ method: String) throws -> String {
        try folder.replace("adapter", with: Golden.path("adapters/petl-method-\(method)"))
        return folder.file("adapter")
    }

    private func error(_ method: String, _ edit: (inout AdapterEdit) -> Void) throws -> String {
        let adapter = try copy(method)
        var tensors = try AdapterEdit(reading: adapter)
        edit(&tensors)
        try folder.remove("adapter/" + AdapterEdit.file)
        try tensors.write(to: "adapter", in: folder)
        return try description(of: loadingError(Self.model, adapter: adapter))
    }

    private func error(
        _ method: String, _ key: String, _ value: ConfigEdit?, file: String = "adapter_config.json"
    ) throws -> String {
        let adapter = try copy(method)
        try ConfigEdit.set(key, to: value, in: adapter, file: file)
        return try description(of: loadingError(Self.model, adapter: adapter))
    }

    private func description(of error: ModelError?) throws -> String {
        let text = try #require(error, "accepted").description
        #expect(text.hasPrefix(folder.file("adapter") + "/") && !text.contains("\n"), "\(text)")
        return text
    }

    @Test func `Tensors that do not fit the method are rejected by name`() throws {
        let keys = Self.attention + "key_tokens", values = Self.attention + "value_tokens"
        let deep = Self.backbone + "deep_prompt_embeddings", first = Self.backbone + "prompt_embeddings"
        let row = [Float](repeating: 1, count: 32)
        #expect(try error("prefix") { $0.remove(values) }.contains("value_tokens: incomplete adapter"))
        #expect(try error("prefix") { $0.set(keys, [1, 1, 32], row) }.contains("requires [1, 12, 32]"))
        #expect(try error("prefix-cls") { $0.set(keys, [1, 32], row) }.contains("is [1, 32]"))
        #expect(
            try error("prefix-cls") { $0.set(keys, [1, 1, 32], row.map { _ in .nan }) }
                .contains("key_tokens contains infinite or NaN"))
        #expect(try error("deep-all") { $0.remove(deep) }.contains("deep_prompt_embeddings"))
        #expect(try error("deep-all") { $0.remove(first) }.contains("no tensor"))
        #expect(
            try error("shallow-cls") { $0.set(deep, [1, 1, 32], row) }.contains("matches no module"))
        #expect(try error("linear") { $0.set(keys, [1, 1, 32], row) }.contains("matches no module"))
        #expect(try error("shallow-cls") { $0.set(first, [1, 0, 32], []) }.contains("prompt_embeddings is"))
        #expect(
            try error("shallow-cls") { $0.set(first, [1, 2, 16], row) }.contains("requires [1, 2, 32]"))
        let factor = Self.attention + "query.lora_A.weight"
        #expect(try error("prefix") { $0.set(factor, [1, 32], row) }.contains("query"))
    }

    @Test func `More keys or tokens than a network may have are rejected with the limit`() throws {
        let first = Self.backbone + "prompt_embeddings"
        let many = [Float](repeating: 0.5, count: 33000 * 32)
        let prompts = try error("shallow-cls") { $0.set(first, [1, 33000, 32], many) }
        #expect(prompts.contains("is 33000, supported: at most 32658"), "\(prompts)")
        let prefix = try error("prefix") { edit in
            for layer in ["0", "1"] {
                for part in ["key_tokens", "value_tokens"] {
                    edit.set(
                        Self.backbone + "encoder.layer.\(layer).attention.attention.\(part)", [1, 33000, 32],
                        many)
                }
            }
        }
        #expect(prefix.contains("is 33000, supported: at most 32658"), "\(prefix)")
    }

    @Test func `Pooling must read tokens that are there`() throws {
        for (method, pooling, wanted) in [
            ("prefix", "prompts", "cls_dist_mean, cls, mean"),
            ("linear", "speech", "cls_dist_mean, cls, mean"),
            ("shallow-all", "cls_dist_mean", "cls, mean, prompts, speech, prompts_speech"),
        ] {
            let text = try error(method, "pooling", .text(pooling), file: "config.json")
            #expect(text.contains("pooling is \(pooling), supported: \(wanted)"), "\(text)")
        }
        let absent = try error("deep-all", "pooling", nil, file: "config.json")
        #expect(absent.contains("pooling is absent, which means cls_dist_mean"), "\(absent)")
    }

    @Test func `Keys of another method, and unknown ones, are rejected`() throws {
        #expect(
            try error("prefix", "depth", .text("deep")).contains("no such key with method prefix-tuning"))
        #expect(try error("shallow-all", "depth", .text("flat")).hasSuffix("supported: shallow, deep"))
        #expect(try error("shallow-all", "depth", nil).contains("depth is absent"))
        #expect(try error("linear", "apply_residual", .flag(true)).contains("apply_residual is true"))
        #expect(try error("linear", "metod", .text("x")).contains("did you mean `method`?"))
        #expect(
            try error("linear", "method", .text("magic")).contains("method is magic, supported: linear, "))
        #expect(try error("linear", "method", nil).contains("method is absent"))
        #expect(try error("linear", "method", .number(3)).contains("method is 3"))
        #expect(try error("linear", "method", .text("adapter")).contains("block is absent"))
        let adapter = try copy("linear")
        try ConfigEdit.set("revision", to: .null, in: adapter, file: "adapter_config.json")
        #expect(loadingError(Self.model, adapter: adapter) == nil)
    }

    /// The options of every method, as its `adapter_config.json` states them.
    @Test func `Every method's options are read`() throws {
        func method(_ text: String) throws -> PETLConfig.Method {
            let path = try folder.write("{\"peft_type\": \"PETL_AST\", \(text)}", to: "config.json")
            return try PETLConfig(ConfigFile(path: path)).method
        }
        #expect(try method(#""method": "bitfit""#) == .bitFit)
        #expect(
            try method(
                #""method": "adapter", "block": "conformer", "architecture": "houlsby", "mode": "parallel", "#
                    + #""apply_residual": true"#)
                == .adapter(.conformer, .houlsby, .parallel, appliesResidual: true))
        let ablation = #""method": "adapter-ablation", "block": "bottleneck", "mode": "sequential", "#
        #expect(
            try method(ablation + #""location": "mhsa", "position": "before""#)
                == .adapterAblation(.bottleneck, .sequential, .mhsa, .before))
        #expect(throws: ModelError.self) {
            try method(ablation + #""location": "mhsa", "position": "before", "apply_residual": false"#)
        }
        let dense = #""method": "dense-moa", "block": "convpass", "architecture": "#
        #expect(
            try method(dense + #""pfeiffer", "location": "ffn""#)
                == .denseMoA(.convpass, .pfeiffer, location: .ffn))
        #expect(throws: ModelError.self) { try method(dense + #""houlsby", "location": "ffn""#) }
        #expect(throws: ModelError.self) { try method(dense + #""pfeiffer""#) }
        let soft = #""method": "soft-moa", "architecture": "houlsby", "normalize": true, "block": "#
        #expect(
            try method(soft + #""bottleneck""#)
                == .softMoA(.bottleneck, .houlsby, location: nil, normalises: true))
        #expect(throws: ModelError.self) { try method(soft + #""conformer""#) }
    }

    @Test func `One engine computes networks with prompts, with prefixes and with neither in any order`()
        throws
    {
        let base = try BaseModel(directory: Self.model)
        func adapted(_ method: String) throws -> AST {
            try base.adapted(
                by: try Adapter(directory: Golden.path("adapters/petl-method-\(method)")))
        }
        let networks = [
            base.network, try adapted("deep-speech"), try adapted("prefix-long"), try adapted("bitfit"),
        ]
        let features = ProbeWindows.speech.features(base.network.config.features)
        func logits(_ engine: Engine, _ network: AST) -> [Float] {
            var logits = [Float](repeating: .nan, count: network.config.labels.count)
            features.withUnsafeBufferPointer { features in
                logits.withUnsafeMutableBufferPointer { engine.classify(network, features, logits: $0) }
            }
            return logits
        }
        let alone = try networks.map { network in
            let engine = try Engine(threads: 2)
            engine.prepare(for: [network])
            return logits(engine, network)
        }
        let engine = try Engine(threads: 2)
        engine.prepare(for: networks)
        for index in [0, 1, 0, 2, 1, 3, 0, 2] {
            #expect(logits(engine, networks[index]) == alone[index])
        }
    }
}
