import TestSupport
import Testing

@testable import Inference

/// Directories that hold a model in another form, or only a part of one.
@Suite struct ModelDirectoryTests {
    /// A file that is there instead of `model.safetensors`, and a part of the message.
    @Test(arguments: [
        (
            "pytorch_model.bin",
            "pytorch_model.bin is there, a Python pickle: convert it with tools/import_bin.py "
        ),
        ("pytorch_model.bin.index.json", "convert it with tools/import_bin.py "),
        (
            "model.fp16.safetensors",
            "model.fp16.safetensors is a variant of it, which astd does not look for: rename"
        ),
        ("ast.safetensors", "ast.safetensors is there: rename it to model.safetensors"),
        (
            "audioset_10_10_0.4593.pth",
            "audioset_10_10_0.4593.pth is a Python pickle: convert it with tools/import_ast_pth.py"
        ),
        ("last.ckpt", "last.ckpt is a Python pickle"),
        ("tf_model.h5", "tf_model.h5 is of another framework"),
        ("model.safetensors.part", "model.safetensors.part looks like an unfinished download"),
        ("training_args.bin", "download it, or save the model with save_pretrained"),
    ])
    func `What is there instead of the weights is named, with what to do`(file: String, message: String)
        throws
    {
        let model = try EditedModel()
        try model.remove("model.safetensors")
        try model.write([1, 2, 3], to: file)
        #expect(
            model.error?.hasPrefix("\(model.path)/model.safetensors: no such file: ") == true
                && model.error?.contains(message) == true, "\(model.error ?? "accepted")")
    }

    @Test func `A model one directory deeper is named`() throws {
        let folder = try TestFolder()
        for step in [500, 1000, 1500] {
            try folder.copy(Golden.path("models/stride10"), to: "run/checkpoint-\(step)")
        }
        let path = folder.file("run")
        #expect(
            loadingError(path)?.description
                == "\(path)/config.json: no such file: there is a model in \(path)/checkpoint-1500: name that directory"
        )
    }

    @Test func `A link to a file that is not there is named`() throws {
        let model = try EditedModel()
        try model.remove("model.safetensors")
        try model.folder.link("model/model.safetensors", to: "../blobs/0")
        #expect(
            model.error
                == "\(model.path)/model.safetensors: no such file: it is a link to a file that is not there: "
                + "download that file")
    }

    @Test func `An adapter, a file and nothing in place of a model are named`() throws {
        let adapter = Golden.path("adapters/modern-qv")
        #expect(
            loadingError(adapter)?.description.contains(
                "\(adapter) is an adapter: name it with --adapter, and its base with --model") == true)
        let file = Golden.path("models/stride10/model.safetensors")
        #expect(
            loadingError(file)?.description.hasPrefix("\(file) is a file, not a model's directory: ") == true)
        let nowhere = try TestFolder().file("absent")
        #expect(
            loadingError(nowhere)?.description
                == "\(nowhere)/config.json: no such file: there is no directory \(nowhere)")
    }

    @Test func `A missing front end is to be taken from the base, which is named where config json does`()
        throws
    {
        let model = try EditedModel()
        try model.remove("preprocessor_config.json")
        let path = model.path + "/preprocessor_config.json"
        #expect(
            model.error
                == "\(path): no such file: take the base's, from the model that this one was trained from; it has "
                + "the mean and the deviation of the features")
        try ConfigEdit.set("_name_or_path", to: .text("MIT/ast"), in: model.path)
        #expect(model.error?.contains("take the base's, from MIT/ast; it has") == true)
    }

    @Test(arguments: ["Wav2Vec2FeatureExtractor", "WhisperFeatureExtractor"])
    func `Another extractor's front end is refused with its class`(name: String) throws {
        let model = try EditedModel("speech-commands")
        try model.write(
            #"{"do_normalize":true,"feature_extractor_type":"\#(name)"}"#.utf8, to: "preprocessor_config.json"
        )
        #expect(
            model.error
                == "\(model.path)/preprocessor_config.json: feature_extractor_type is \(name), supported: "
                + "ASTFeatureExtractor: take the preprocessor_config.json of the base")
    }

    @Test(arguments: ["std", "mean", "max_length", "num_mel_bins", "do_normalize", "sampling_rate"])
    func `A null in the front end is refused`(key: String) throws {
        let model = try EditedModel()
        try ConfigEdit.set(key, to: .null, in: model.path, file: "preprocessor_config.json")
        #expect(model.error?.contains("preprocessor_config.json: \(key) is null, supported: ") == true)
    }

    @Test(arguments: [0, -4.5])
    func `A deviation that is not above zero is refused`(value: Double) throws {
        let model = try EditedModel()
        try ConfigEdit.set("std", to: .number(value), in: model.path, file: "preprocessor_config.json")
        #expect(model.error?.contains("supported: numbers, std above 0") == true)
    }

    @Test func `Defaults of the front end are noted, with their class`() throws {
        let model = try EditedModel()
        let features = try BaseModel(directory: model.path).network.config.features
        #expect(features.origin(of: "mean") == model.path + "/preprocessor_config.json")
        #expect(try model.notes().isEmpty)
        for key in ["std", "mean"] {
            try ConfigEdit.set(key, to: nil, in: model.path, file: "preprocessor_config.json")
        }
        let defaults = try BaseModel(directory: model.path)
        #expect(defaults.network.config.features.origin(of: "mean") == "default of ASTFeatureExtractor")
        #expect(defaults.network.config.features.mean == -4.2677393)
        #expect(
            defaults.notes == [
                "preprocessor_config.json has no mean and no std: using the default of ASTFeatureExtractor, which is "
                    + "AudioSet's"
            ])
    }
}
