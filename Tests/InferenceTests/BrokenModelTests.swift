import TestSupport
import Testing

@testable import Inference

@Suite struct BrokenModelTests {
    /// For some models: the file that the message names, and a part of the message.
    private static let reasons = [
        "missing-tensor": (
            "model.safetensors", "no tensor audio_spectrogram_transformer.encoder.layer.0.att"
        ),
        "wrong-shape": ("model.safetensors", "classifier.dense.bias is [4], config.json requires [5]"),
        "wrong-tokens": (
            "model.safetensors", "position_embeddings is [1, 6, 8], config.json requires [1, 10, 8]"
        ),
        "front-end-differs": ("preprocessor_config.json", "max_length is 48, supported: 32"),
        "heads-do-not-divide": ("config.json", "num_attention_heads is 7, supported: a divisor of 8"),
        "zero-stride": ("config.json", "time_stride is 0, supported: 1 to 32"),
        "zero-std": ("preprocessor_config.json", "0.0"),
        "patch-too-large": ("config.json", "patch_size is"),
        "another-kind": ("config.json", "model_type is wav2vec2"),
        "another-activation": ("config.json", "hidden_act is relu, supported: gelu"),
        "config-not-json": ("config.json", "not JSON at byte "),
        "no-config": ("config.json", "no such file: download it too; it describes the network"),
        "no-weights": ("model.safetensors", "no such file: download it, or save the model with"),
    ]

    @Test(arguments: try Golden.load().brokenModels)
    func `An inconsistent model is rejected with the file and what was found`(
        _ broken: Golden.BrokenModel
    ) throws {
        let directory = Golden.path(broken.model)
        let found: ModelError?
        do throws(ModelError) {
            // NaN weights are found only when all of them are checked.
            found = try BaseModel(directory: directory).network.brokenWeights()
        } catch {
            found = error
        }
        let error = try #require(found, "accepted: \(broken.reason)")
        #expect(error.description.hasPrefix(directory + "/"), "\(error)")
        if let name = broken.model.split(separator: "/").last, let (file, words) = Self.reasons[String(name)]
        {
            #expect(error.description.hasPrefix("\(directory)/\(file): "), "\(error)")
            #expect(error.description.contains(words), "\(error)")
        }
        for part in broken.mentions { #expect(error.description.contains(part), "\(error)") }
        #expect(!error.description.contains("\n") && error.description.utf8.count < 1000)
    }

    @Test func `Every model with an expected message is in the golden data`() throws {
        let names = try Golden.load().brokenModels.compactMap { $0.model.split(separator: "/").last }
        #expect(Set(Self.reasons.keys).isSubset(of: names.map(String.init)))
    }

    @Test(arguments: [
        ("sampling_rate", "8000", "sampling_rate is 8000, supported: 16000"),
        ("num_mel_bins", "64", "num_mel_bins is 64, supported: 32, as in config.json"),
    ])
    func `An unsupported front end is rejected`(key: String, value: String, message: String)
        throws
    {
        let folder = try TestFolder()
        let model = try folder.copy(Golden.path("models/single-label"), to: "model")
        let number = try #require(Double(value))
        try ConfigEdit.set(key, to: .number(number), in: model, file: "preprocessor_config.json")
        #expect(loadingError(model)?.description == "\(model)/preprocessor_config.json: \(message)")
    }

    @Test(arguments: [
        ("problem_type", "regression"), ("pooling", "max"), ("hidden_act", "gelu_new"), ("model_type", "vit"),
    ])
    func `An unsupported value in config json is rejected`(key: String, value: String) throws {
        let folder = try TestFolder()
        let model = try folder.copy(Golden.path("models/single-label"), to: "model")
        try ConfigEdit.set(key, to: .text(value), in: model)
        let error = try #require(loadingError(model))
        #expect(
            error.description.hasPrefix("\(model)/config.json: \(key) is \(value), supported: "), "\(error)")
    }

    @Test func `A value of the wrong type is refused with its key and value`() throws {
        let folder = try TestFolder()
        let model = try folder.copy(Golden.path("models/single-label"), to: "model")
        try ConfigEdit.set("hidden_size", to: .text("wide"), in: model)
        #expect(
            loadingError(model)
                == .unsupported(
                    path: model + "/config.json", key: "hidden_size", found: "\"wide\"",
                    wanted: "a whole number"))
    }

    @Test func `A directory in place of the weights is rejected`() throws {
        let folder = try TestFolder()
        for file in ["config.json", "preprocessor_config.json"] {
            try folder.write(
                TestFolder.bytes(of: Golden.path("models/stride10/\(file)")), to: "model/\(file)")
        }
        try folder.write("", to: "model/model.safetensors/inner")
        let path = folder.file("model/model.safetensors")
        #expect(
            loadingError(folder.file("model")) == .unreadable(path: path, reason: "not a regular file"))
    }

    @Test func `Keys missing in config json have transformers' defaults`() throws {
        let folder = try TestFolder()
        let model = try folder.copy(Golden.path("models/stride10"), to: "model")
        let network = try TestNetwork(directory: model, threads: 1)
        for key in [
            "num_mel_bins", "patch_size", "frequency_stride", "time_stride", "qkv_bias", "hidden_act",
        ] {
            try ConfigEdit.set(key, to: nil, in: model)
        }
        #expect(try TestNetwork(directory: model, threads: 1).config == network.config)
        try ConfigEdit.set("hidden_size", to: nil, in: model)
        let error = try #require(loadingError(model))
        #expect(error.description.contains("768"), "\(error)")
    }
}
