import GoldenSupport
import Testing

@testable import Inference

@Suite struct BrokenModelTests {
    @Test(arguments: try Golden.load().brokenModels)
    func `A model that does not hold together is refused with its file and what was found`(
        _ broken: Golden.BrokenModel
    ) throws {
        let directory = Golden.path(broken.model)
        let found: ModelError?
        do throws(ModelError) {
            // Weights that are no numbers are found when somebody looks at all of them.
            found = try BaseModel(directory: directory).network.brokenWeights()
        } catch {
            found = error
        }
        let error = try #require(found, "accepted: \(broken.reason)")
        #expect(error.description.hasPrefix(directory + "/"), "\(error)")
        for part in broken.mentions { #expect(error.description.contains(part), "\(error)") }
        #expect(!error.description.contains("\n") && error.description.utf8.count < 1000)
    }

    @Test(arguments: [
        ("sampling_rate", "8000", "sampling_rate is 8000, supported: 16000"),
        ("num_mel_bins", "64", "num_mel_bins is 64, supported: 32, as in config.json"),
    ])
    func `A front end that astd does not compute is refused`(key: String, value: String, message: String)
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
    func `A word in config json that means something else is refused`(key: String, value: String) throws {
        let folder = try TestFolder()
        let model = try folder.copy(Golden.path("models/single-label"), to: "model")
        try ConfigEdit.set(key, to: .text(value), in: model)
        let error = try #require(loadingError(model))
        #expect(
            error.description.hasPrefix("\(model)/config.json: \(key) is \(value), supported: "), "\(error)")
    }

    @Test func `A value of the wrong type is told by its key`() throws {
        let folder = try TestFolder()
        let model = try folder.copy(Golden.path("models/single-label"), to: "model")
        try ConfigEdit.set("hidden_size", to: .text("wide"), in: model)
        #expect(
            loadingError(model)
                == .malformed(path: model + "/config.json", problem: "hidden_size has the wrong type"))
    }

    @Test func `A folder in place of the weights is refused`() throws {
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

    @Test func `Keys that config json leaves out have transformers' defaults`() throws {
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
