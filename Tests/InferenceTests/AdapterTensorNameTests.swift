import TestSupport
import Testing

@testable import Inference

/// Adapters that were not saved by PEFT's `save_pretrained`.
@Suite struct AdapterTensorNameTests {
    private static let model = Golden.path("models/stride10")
    private static let prefix = "base_model.model."

    /// Inserts a part after PEFT's prefix.
    private static func inside(_ part: String) -> @Sendable (String) -> String {
        { prefix + part + $0.dropFirst(prefix.count) }
    }

    private static func named(_ adapter: String) -> @Sendable (String) -> String {
        { name in
            ["lora_A", "lora_B"].reduce(name) {
                $0.replacing("\($1).weight", with: "\($1).\(adapter).weight")
            }
            .replacing("lora_magnitude_vector", with: "lora_magnitude_vector.\(adapter)")
            .replacing("model.classifier.", with: "model.classifier.modules_to_save.\(adapter).")
        }
    }

    private static let renamings: [(what: String, new: @Sendable (String) -> String)] = [
        ("torch.compile of the PEFT model", { "_orig_mod." + $0 }),
        ("torch.compile of the model", inside("_orig_mod.")),
        ("torch.compile of each layer", { $0.replacing("layers.0.", with: "layers.0._orig_mod.") }),
        ("data-parallel training", { "module." + $0 }),
        ("data-parallel training of the compiled model", inside("module._orig_mod.")),
        ("FSDP", { $0.replacing("layers.1.", with: "layers.1._fsdp_wrapped_module.") }),
        (
            "activation checkpointing",
            { $0.replacing(".attention.", with: "._checkpoint_wrapped_module.attention.") }
        ),
        ("no prefix", { String($0.dropFirst(prefix.count)) }),
        ("half of the prefix", { String($0.dropFirst("base_model.".count)) }),
        ("the adapter's name default", named("default")),
        ("another name of the adapter", named("birds")),
    ]

    @Test(arguments: ["new-head", "dora", "lora-bias"], renamings.indices)
    func `Wrappers, the prefix and the adapter's name in tensor names change nothing`(
        adapter: String, renaming: Int
    ) throws {
        let (what, new) = Self.renamings[renaming]
        let folder = try TestFolder()
        let original = Golden.path("adapters/\(adapter)")
        let renamed = try folder.copy(original, to: "renamed")
        var edit = try AdapterEdit(reading: original)
        edit.rename(new)
        try edit.write(to: "renamed", in: folder)
        let features = [Float](repeating: 0.25, count: 96 * 128)
        let wanted = try TestNetwork(directory: Self.model, adapter: original, threads: 1)
        let found = try TestNetwork(directory: Self.model, adapter: renamed, threads: 1)
        #expect(ForwardPass.logits(found, features) == ForwardPass.logits(wanted, features), "\(what)")
        #expect(found.config == wanted.config)
    }

    @Test func `A file with the tensors of two adapters is rejected with their names`() throws {
        let folder = try TestFolder()
        let adapter = try folder.copy(Golden.path("adapters/modern-qv"), to: "two")
        var edit = try AdapterEdit(reading: adapter)
        edit.rename { Self.named($0.contains("layers.0.") ? "birds" : "cats")($0) }
        try edit.write(to: "two", in: folder)
        #expect(
            loadingError(Self.model, adapter: adapter)
                == .unsupported(
                    path: adapter + "/" + AdapterEdit.file, key: "number of adapters",
                    found: "2: birds, cats",
                    wanted: "1; save each of them with PEFT's save_pretrained"))
    }

    @Test func `A tensor with NaN is named as in the file`() throws {
        let folder = try TestFolder()
        let adapter = try folder.copy(Golden.path("adapters/modern-qv"), to: "nan")
        let name = Self.prefix + "audio_spectrogram_transformer.layers.1.attention.v_proj.lora_B.weight"
        var edit = try AdapterEdit(reading: adapter)
        edit.change(name) { $0[5] = .nan }
        try edit.write(to: "nan", in: folder)
        #expect(
            loadingError(Self.model, adapter: adapter)
                == .notFinite(path: adapter + "/" + AdapterEdit.file, tensor: name))
    }
}
