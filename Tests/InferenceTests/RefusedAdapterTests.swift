import Synchronization
import TestSupport
import Testing

@testable import Inference

@Suite struct RefusedAdapterTests {
    private static let config = "adapter_config.json"
    private static let tensors = "adapter_model.safetensors"

    /// For some adapters: the file that the message names, and a part of the message.
    private static let reasons = [
        "broken-shape": (tensors, "layers.0.attention.q_proj.lora_A.weight is [4, 24]"),
        "broken-unmatched": (
            tensors, "layers.7.attention.q_proj.lora_A.weight matches no module of the model"
        ),
        "broken-nan": (tensors, "layers.0.attention.q_proj.lora_B.weight contains infinite or NaN values"),
        "infinite-a": (tensors, "layers.0.attention.q_proj.lora_A.weight contains infinite or NaN values"),
        "broken-overflow": (tensors, "layer.0.attention.attention.query"),
        "broken-type": (config, "peft_type is XLORA, supported: LORA, ADALORA, "),
        "type-future": (config, "peft_type is FUTURE, supported: LORA, ADALORA, "),
        "peft-oft-old": (tensors, "the format of OFT is that of PEFT 0.15"),
        "peft-adalora-rank": (config, "init_r of "),
        "peft-wrong-method": (tensors, "ia3_l matches no module of the model"),
        "peft-key-of-lora": (config, "unknown key `use_dora` is true"),
        "broken-ranks": (tensors, "layers.0.attention.q_proj.lora_B.weight is [32, 3]"),
        "broken-half": (tensors, "only one of the two factors"),
        "broken-empty": (tensors, "tensor unrelated matches no module of the model"),
        "missing-head": (tensors, "head is absent"),
        "pissa": (config, "init_lora_weights is pissa"),
        "pissa-niter": (config, "init_lora_weights is pissa_niter_4"),
        "olora": (config, "init_lora_weights is olora"),
        "corda": (config, "init_lora_weights is corda"),
        "lora-ga": (config, "init_lora_weights is lora_ga"),
        "layer-replication": (config, "layer_replication is [[0, 2], [1, 2]]"),
        "broken-alpha": (config, "lora_alpha"),
    ]

    @Test(arguments: try Golden.load().refused)
    func `An adapter that cannot be merged is rejected with the file and what was found`(
        _ refusal: Golden.Refusal
    ) async throws {
        let directory = Golden.path(refusal.adapter)
        let found = Mutex<ModelError?>(nil)
        try await completes("loading \(refusal.adapter)") {
            let error = loadingError(Golden.path(refusal.model), adapter: directory)
            found.withLock { $0 = error }
        }
        let error = try #require(found.withLock { $0 }, "accepted: \(refusal.reason)")
        #expect(error.description.hasPrefix(directory + "/"), "\(error)")
        if let name = refusal.adapter.split(separator: "/").last,
            let (file, words) = Self.reasons[String(name)]
        {
            #expect(error.description.hasPrefix("\(directory)/\(file): "), "\(error)")
            #expect(error.description.contains(words), "\(error)")
        }
        for part in refusal.mentions { #expect(error.description.contains(part), "\(error)") }
        #expect(!error.description.contains("\n") && error.description.utf8.count < 1000)
    }

    @Test func `Every adapter with an expected message is in the golden data`() throws {
        let names = try Golden.load().refused.compactMap { $0.adapter.split(separator: "/").last }
        #expect(Set(Self.reasons.keys).isSubset(of: names.map(String.init)))
    }

    @Test func `Rejections state the file, what was found and what was expected`() throws {
        let model = Golden.path("models/stride10")
        func wording(_ name: String) -> String? {
            let directory = Golden.path("adapters/\(name)/")
            return loadingError(model, adapter: Golden.path("adapters/\(name)"))?.description
                .split(separator: directory, maxSplits: 1).last.map(String.init)
        }
        let type = try #require(wording("broken-type"))
        #expect(type.hasSuffix("; it mixes several adapters, differently for every input"), "\(type)")
        #expect(
            wording("missing-head")
                == "adapter_model.safetensors: head is absent, though config.json beside it has other labels, "
                + "supported: classifier.dense in modules_to_save")
        #expect(
            wording("broken-nan")
                == "adapter_model.safetensors: base_model.model.audio_spectrogram_transformer.layers.0.attention"
                + ".q_proj.lora_B.weight contains infinite or NaN values")
    }

    @Test func `An incomplete adapter directory is rejected with the missing file`() throws {
        let folder = try TestFolder()
        let model = Golden.path("models/stride10")
        let absent = folder.file("absent")
        #expect(
            loadingError(model, adapter: absent)
                == .missingFile(
                    path: absent + "/adapter_config.json", remedy: "there is no directory \(absent)"))
        try folder.write(#"{"peft_type": "LORA"}"#, to: "half/adapter_config.json")
        #expect(
            loadingError(model, adapter: folder.file("half"))
                == .missingFile(
                    path: folder.file("half/adapter_model.safetensors"),
                    remedy: "download it too; adapter_config.json only describes the adapter"))
        try folder.write("{", to: "torn/adapter_config.json")
        #expect(
            loadingError(model, adapter: folder.file("torn"))
                == .malformed(
                    path: folder.file("torn/adapter_config.json"),
                    problem: "truncated: not JSON at byte 1: a key in quotes is expected"))
    }
}
