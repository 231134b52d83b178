import TestSupport
import Testing

@testable import Inference

@Suite struct AdapterConfigTests {
    private let folder: TestFolder
    private let adapter: String

    init() throws {
        folder = try TestFolder()
        adapter = try folder.copy(Golden.path("adapters/modern-qv"), to: "adapter")
    }

    private func error(_ key: String, _ value: ConfigEdit?) throws -> ModelError? {
        try folder.replace("adapter", with: Golden.path("adapters/modern-qv"))
        try ConfigEdit.set(key, to: value, in: adapter, file: "adapter_config.json")
        return loadingError(Golden.path("models/stride10"), adapter: adapter)
    }

    @Test func `An unknown key is rejected with its value unless it is null or false`() throws {
        #expect(try error("use_future", .null) == nil)
        #expect(try error("use_future", .flag(false)) == nil)
        for (value, text) in [
            (ConfigEdit.flag(true), "true"), (.number(3), "3"), (.text("x"), #""x""#), (.object([:]), "{}"),
        ] {
            let message = try #require(try error("use_future", value)).description
            #expect(
                message.hasPrefix("\(adapter)/adapter_config.json: unknown key `use_future` is \(text), "),
                "\(message)")
        }
        let near = try #require(try error("use_rslorra", .flag(true))).description
        #expect(near.hasSuffix("; did you mean `use_rslora`?"), "\(near)")
    }

    @Test func `Keys of PEFT that change nothing are accepted with any value`() throws {
        for key in AdapterConfigKeys.common.neutral.union(LoRA.keys.neutral).sorted() {
            #expect(try error(key, .object(["a": .number(1)])) == nil, "\(key)")
        }
    }

    @Test func `A key with which the network is another one is rejected with the reason`() throws {
        for (key, reason) in LoRA.keys.unmergeable {
            let message = try #require(try error(key, .object(["a": .number(1)])), "\(key)").description
            #expect(message.contains("\(key) is {\"a\":1}, supported: null or false"), "\(message)")
            #expect(message.hasSuffix(reason), "\(message)")
            #expect(try error(key, .null) == nil && error(key, .flag(false)) == nil)
        }
    }

    @Test func `A rank other than that of the tensors is rejected, with both`() throws {
        let module = "audio_spectrogram_transformer.layers.0.attention.q_proj"
        #expect(
            try error("r", .number(16))
                == .unsupported(
                    path: adapter + "/adapter_config.json", key: "r of \(module)", found: "16",
                    wanted: "4, the rank of base_model.model.\(module).lora_A.weight [4, 32] in "
                        + "adapter_model.safetensors"))
        #expect(try error("rank_pattern", .object(["k_proj": .number(2)])) == nil, "of another module")
        #expect(try error("rank_pattern", .object(["q_proj": .number(2)])) != nil)
        #expect(try error("r", nil) == nil)
    }
}
