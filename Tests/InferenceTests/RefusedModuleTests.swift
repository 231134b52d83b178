import TestSupport
import Testing

@testable import Inference

/// Hostile variants of adapters with modules: each is rejected when it is loaded, with the tensor's name.
@Suite struct RefusedModuleTests {
    private static let prefix = "base_model.model.audio_spectrogram_transformer.encoder.layer."

    /// The error of a golden adapter after a change of its tensors.
    private func error(
        _ adapter: String, _ change: (inout AdapterEdit) -> Void
    ) throws -> String {
        let folder = try TestFolder()
        let directory = try folder.copy(Golden.path("adapters/petl-module-\(adapter)"), to: "adapter")
        var edit = try AdapterEdit(reading: directory)
        change(&edit)
        try folder.remove("adapter/" + AdapterEdit.file)
        try edit.write(to: "adapter", in: folder)
        let error = loadingError(Golden.path("models/stride10"), adapter: directory)?.description ?? "none"
        if error != "none" { #expect(error.hasPrefix(directory + "/" + AdapterEdit.file), "\(error)") }
        return error
    }

    private static func values(_ shape: [Int]) -> [Float] {
        [Float](repeating: 0.1, count: shape.reduce(1, *))
    }

    @Test func `Unchanged adapters load`() throws {
        for name in ["bottleneck-seq", "conformer-seq", "dense-mhsa", "soft-ffn"] {
            #expect(try error(name) { _ in } == "none")
        }
    }

    @Test(arguments: [
        ("bottleneck-houlsby-par", "1.adapter_module_MHSA.linear_upsample.bias"),
        ("conformer-seq", "1.adapter_module_FFN.bnorm.running_var"),
        ("dense-mhsa", "0.router.ff.weight"), ("dense-mhsa", "1.moa.moa.2.linear_upsample.weight"),
        ("soft-ffn", "0.moa.slot_params"), ("soft-mhsa-slots-normalized", "1.moa.scale"),
        ("soft-ffn", "1.moa.moa.3.linear_downsample.bias"),
    ])
    func `A module without one of its tensors is rejected`(adapter: String, tensor: String) throws {
        let error = try error(adapter) { edit in
            edit.remove(Self.prefix + tensor)
        }
        #expect(error.contains(tensor) && error.contains("incomplete adapter"), "\(error)")
    }

    @Test(arguments: [
        ("bottleneck-seq", "1.adapter_module_FFN.linear_downsample.weight", [6, 32]),
        ("bottleneck-seq", "0.adapter_module_FFN.linear_upsample.weight", [32, 6]),
        ("bottleneck-seq", "0.adapter_module_FFN.linear_downsample.weight", [5, 24]),
        ("conformer-seq", "0.adapter_module_FFN.pwise_conv1.weight", [5, 32, 1]),
        ("conformer-seq", "1.adapter_module_FFN.dwise_conv.weight", [5, 1, 9]),
        ("conformer-seq", "0.adapter_module_FFN.bnorm.running_mean", [4]),
        ("dense-mhsa", "1.router.ff.bias", [2]), ("dense-mhsa", "0.moa.moa.1.linear_upsample.bias", [31]),
        ("soft-ffn", "1.moa.slot_params", [32, 4, 3]), ("soft-ffn", "0.moa.slot_params", [24, 4, 2]),
        ("soft-mhsa-slots-normalized", "0.moa.scale", [1]),
    ])
    func `A tensor of another shape is rejected`(adapter: String, tensor: String, shape: [Int]) throws {
        let error = try error(adapter) { $0.set(Self.prefix + tensor, shape, Self.values(shape)) }
        #expect(error.contains("\(tensor) is \(shape)"), "\(error)")
    }

    @Test(arguments: [
        ("bottleneck-seq", "0.adapter_module_FFN.linear_downsample.weight", [33, 32], "at most 32"),
        (
            "conformer-seq", "0.adapter_module_FFN.dwise_conv.weight", [5, 1, 111],
            "110, the number of tokens"
        ),
        ("dense-mhsa", "0.router.ff.weight", [257, 32], "at most 256"),
        ("soft-ffn", "0.moa.slot_params", [32, 4, 257], "at most 1024"),
        ("soft-ffn", "0.moa.slot_params", [32, 300, 1], "at most 256"),
    ])
    func `Absurd sizes are rejected with the limit`(
        adapter: String, tensor: String, shape: [Int], limit: String
    ) throws {
        let error = try error(adapter) { $0.set(Self.prefix + tensor, shape, Self.values(shape)) }
        #expect(error.contains(tensor) && error.contains(limit), "\(error)")
    }

    @Test(arguments: [
        ("bottleneck-seq", "1.adapter_module_FFN.linear_upsample.weight"),
        ("conformer-seq", "0.adapter_module_FFN.bnorm.running_mean"), ("soft-ffn", "0.moa.slot_params"),
        ("dense-mhsa", "0.router.ff.bias"),
    ])
    func `A NaN is rejected`(adapter: String, tensor: String) throws {
        let error = try error(adapter) { $0.change(Self.prefix + tensor) { $0[1] = .nan } }
        #expect(error.contains("\(tensor) contains infinite or NaN values"), "\(error)")
    }

    @Test func `A negative or overflowing BatchNorm is rejected`() throws {
        let variance = "0.adapter_module_FFN.bnorm.running_var"
        let negative = try error("conformer-seq") { $0.change(Self.prefix + variance) { $0[2] = -1 } }
        #expect(negative.contains("bnorm.running_var is a negative variance"), "\(negative)")
        let norm = "1.adapter_module_FFN.bnorm."
        let large = try error("conformer-seq") { edit in
            edit.change(Self.prefix + norm + "weight") { $0[2] = 3e38 }
            edit.change(Self.prefix + norm + "running_var") { $0[2] = 0 }
        }
        #expect(large.contains("layer.1.adapter_module_FFN.dwise_conv with BatchNorm"), "\(large)")
    }

    @Test(arguments: [
        ("bottleneck-seq", "0.adapter_module_MHSA.linear_upsample.bias", [32]),
        ("bottleneck-seq", "2.adapter_module_FFN.linear_upsample.bias", [32]),
        ("dense-mhsa", "0.moa.moa.3.linear_upsample.bias", [32]),
        ("soft-ffn", "0.moa.scale", [1]), ("conformer-seq", "0.adapter_module_FFN.lnorm.weight", [32]),
    ])
    func `A tensor that is not part of the method is rejected`(
        adapter: String, tensor: String, shape: [Int]
    ) throws {
        let error = try error(adapter) { $0.set(Self.prefix + tensor, shape, Self.values(shape)) }
        #expect(error.contains(tensor), "\(error)")
    }

    @Test(arguments: [
        ("bottleneck-seq", "block", "conformer"), ("bottleneck-seq", "architecture", "houlsby"),
        ("dense-mhsa", "block", "conformer"), ("soft-ffn", "normalize", "true"),
        ("ablation-ffn-seq-after", "position", "between"), ("bottleneck-seq", "mode", "both"),
        ("soft-ffn", "mode", "parallel"),
    ])
    func `A configuration that contradicts the tensors is rejected`(
        adapter: String, key: String, value: String
    ) throws {
        let folder = try TestFolder()
        let directory = try folder.copy(Golden.path("adapters/petl-module-\(adapter)"), to: "adapter")
        try ConfigEdit.set(
            key, to: key == "normalize" ? .flag(true) : .text(value), in: directory,
            file: "adapter_config.json")
        let error = loadingError(Golden.path("models/stride10"), adapter: directory)
        #expect(error != nil)
        #expect(error?.description.hasPrefix(directory) == true)
    }
}
