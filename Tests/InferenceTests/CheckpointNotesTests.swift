import TestSupport
import Testing

@testable import Inference

/// Configurations and weights that contradict each other. What transformers ignores or replaces by zeros
/// is noted and computed as it does; what it would initialise randomly is refused.
@Suite struct CheckpointNotesTests {
    private static let backbone = "audio_spectrogram_transformer."

    private static func isBias(_ name: String) -> Bool {
        ["query.bias", "key.bias", "value.bias"].contains(where: name.hasSuffix)
    }

    @Test(arguments: ["_orig_mod.", "module.", "module._orig_mod.", "_orig_mod.module."])
    func `Prefixes of wrappers are left out`(prefix: String) throws {
        let model = try EditedModel()
        let file = try TensorFile(model: "stride10")
        let wanted = try EditedModel.logits(Golden.path("models/stride10"))
        try model.write(file.renamed { prefix + $0 }.bytes(), to: "model.safetensors")
        #expect(try model.logits() == wanted)
        #expect(
            try model.notes() == [
                "model.safetensors: left \(prefix) out of the names of \(file.tensors.count) tensors"
            ])
        // Only the backbone was compiled.
        try model.write(
            file.renamed { $0.replacing(Self.backbone, with: Self.backbone + prefix) }.bytes(),
            to: "model.safetensors")
        #expect(try model.logits() == wanted)
    }

    @Test func `A tensor with and without a wrapper's prefix is refused`() throws {
        let model = try EditedModel()
        var file = try TensorFile(model: "stride10")
        file.tensors["module.classifier.dense.bias"] = file.tensors["classifier.dense.bias"]
        try model.write(file.bytes(), to: "model.safetensors")
        #expect(
            model.error?.contains(
                "contains tensor classifier.dense.bias twice, as classifier.dense.bias and as "
                    + "module.classifier.dense.bias") == true, "\(model.error ?? "accepted")")
    }

    @Test func `Another prefix is named`() throws {
        let model = try EditedModel()
        try model.write(
            try TensorFile(model: "stride10").renamed { "student." + $0 }.bytes(), to: "model.safetensors")
        #expect(
            model.error?.hasPrefix(
                "\(model.path)/model.safetensors: the prefix of the tensors' names is student., supported: names "
                    + "without it") == true, "\(model.error ?? "accepted")")
    }

    @Test func `A checkpoint of the original AST is named, with its importer`() throws {
        let model = try EditedModel()
        var file = TensorFile()
        file.tensors["module.v.blocks.0.attn.qkv.weight"] = ([1], [1])
        try model.write(file.bytes(), to: "model.safetensors")
        #expect(model.error?.contains("a checkpoint of the original AST") == true)
        #expect(model.error?.contains("tools/import_ast_pth.py") == true)
    }

    @Test func `Biases that qkv_bias denies are ignored, as in transformers, and noted`() throws {
        let model = try EditedModel()
        try ConfigEdit.set("qkv_bias", to: .flag(false), in: model.path)
        let without = try EditedModel()
        try without.write(
            try TensorFile(model: "stride10").filtered { !Self.isBias($0) }.bytes(), to: "model.safetensors")
        try ConfigEdit.set("qkv_bias", to: .flag(false), in: without.path)
        let wanted = try without.logits()
        #expect(try without.notes().isEmpty)
        #expect(try model.logits() == wanted)
        #expect(try wanted != EditedModel.logits(Golden.path("models/stride10")))
        #expect(
            try model.notes() == [
                "model.safetensors: the biases of queries, keys and values are not used: qkv_bias is false in config.json"
            ])
        // transformers takes zeros where all are missing.
        try ConfigEdit.set("qkv_bias", to: .flag(true), in: without.path)
        #expect(try without.logits() == wanted)
        #expect(try without.notes().first?.contains("no biases of queries, keys and values") == true)
    }

    @Test func `One missing bias is refused`() throws {
        let model = try EditedModel()
        let name = Self.backbone + "encoder.layer.1.attention.attention.key.bias"
        try model.write(
            try TensorFile(model: "stride10").filtered { $0 != name }.bytes(), to: "model.safetensors")
        #expect(model.error?.contains("no tensor \(name)") == true)
    }

    @Test func `Layers that config json denies are noted, layers that it invents are refused`() throws {
        let model = try EditedModel()
        try ConfigEdit.set("num_hidden_layers", to: .number(1), in: model.path)
        #expect(
            try model.notes() == [
                "model.safetensors: layer 1 is not used (16 tensors): num_hidden_layers is 1 in config.json"
            ])
        try ConfigEdit.set("num_hidden_layers", to: .number(4), in: model.path)
        #expect(
            model.error
                == "\(model.path)/model.safetensors: number of layers is 2 (no encoder.layer.2), supported: "
                + "num_hidden_layers of config.json, which is more")
    }

    @Test func `Tensors that no AST has are noted, also integers`() throws {
        let model = try EditedModel()
        var file = try TensorFile(model: "stride10")
        for name in ["decoder.weight", "extra.a", "extra.b", "extra.c"] { file.tensors[name] = ([1], [1]) }
        try model.write(
            file.bytes(more: #","position_ids":{"dtype":"I64","shape":[0],"data_offsets":[0,0]}"#),
            to: "model.safetensors")
        #expect(try model.logits() == EditedModel.logits(Golden.path("models/stride10")))
        #expect(
            try model.notes() == [
                "model.safetensors: tensors are not used, because an AST has no such module: decoder.weight, extra.a, "
                    + "extra.b and 2 more"
            ])
    }

    @Test func `A model without a head is refused in these words`() throws {
        let model = try EditedModel()
        try model.write(
            try TensorFile(model: "stride10").filtered { !$0.hasPrefix("classifier.") }.bytes(),
            to: "model.safetensors")
        #expect(
            model.error?.contains(
                "classifier is absent (no classifier.dense.weight), supported: a model with a head") == true)
    }

    @Test func `A quantised model is refused for its quantization_config`() throws {
        let model = try EditedModel()
        try ConfigEdit.set(
            "quantization_config",
            to: .object(["quant_method": .text("bitsandbytes"), "load_in_8bit": .flag(true)]),
            in: model.path)
        #expect(
            model.error?.hasPrefix(
                "\(model.path)/config.json: quantization_config is bitsandbytes, supported: ") == true,
            "\(model.error ?? "accepted")")
        try ConfigEdit.set("quantization_config", to: .null, in: model.path)
        #expect(model.error == nil)
    }

    @Test func `Another num_labels than the classifier's rows is refused`() throws {
        let model = try EditedModel()
        try ConfigEdit.set("num_labels", to: .number(12), in: model.path)
        #expect(try model.notes().isEmpty)
        try ConfigEdit.set("num_labels", to: .number(11), in: model.path)
        #expect(
            model.error
                == "\(model.path)/config.json: num_labels is 11, supported: 12, the rows of the classifier")
    }

    @Test func `Invented labels are noted`() throws {
        let model = try EditedModel()
        try ConfigEdit.set("id2label", to: nil, in: model.path)
        #expect(try model.notes() == ["config.json has no id2label: the labels are LABEL_0, LABEL_1, ..."])
    }

    @Test func `One label gives a sigmoid, and an explicit single label is refused`() throws {
        let model = try EditedModel("no-problem-type")
        var file = try TensorFile(model: "no-problem-type")
        for name in ["classifier.dense.weight", "classifier.dense.bias"] {
            let tensor = try #require(file.tensors[name])
            let width = tensor.shape.dropFirst().reduce(1, *)
            file.tensors[name] = ([1] + tensor.shape.dropFirst(), Array(tensor.values.prefix(width)))
        }
        try model.write(file.bytes(), to: "model.safetensors")
        try ConfigEdit.set("id2label", to: .object(["0": .text("Siren")]), in: model.path)
        let config = try BaseModel(directory: model.path).network.config
        #expect(config.labels == ["Siren"] && config.problemType == nil)
        let choice = ActivationChoice(requested: nil, multiLabel: nil, labels: config.labels)
        #expect(choice.activation == .sigmoid && choice.isGuessed)
        try ConfigEdit.set("problem_type", to: .text("single_label_classification"), in: model.path)
        #expect(
            model.error?.contains(
                "problem_type is single_label_classification with one label, supported: multi") == true)
        try ConfigEdit.set("problem_type", to: .text("multi_label_classification"), in: model.path)
        #expect(model.error == nil)
    }

    @Test func `Double precision weights are read`() throws {
        let model = try EditedModel()
        let file = try TensorFile(model: "stride10")
        var entries: [String] = []
        var data: [UInt8] = []
        for (name, tensor) in file.tensors {
            let start = data.count
            for value in tensor.values {
                data += withUnsafeBytes(of: Double(value).bitPattern.littleEndian, Array.init)
            }
            entries.append(
                #""\#(name)":{"dtype":"F64","shape":\#(tensor.shape),"data_offsets":[\#(start),\#(data.count)]}"#
            )
        }
        try model.write(
            SafetensorsTests.file("{\(entries.joined(separator: ","))}", []) + data, to: "model.safetensors")
        #expect(try model.logits() == EditedModel.logits(Golden.path("models/stride10")))
        #expect(try BaseModel(directory: model.path).elementTypeName == "F64")
    }
}
