import TestSupport
import Testing

@testable import Inference

/// The base's weights are not checked when they are mapped, because that would read all of them. So NaN and
/// infinite weights must be visible in the logits.
@Suite struct BrokenWeightTests {
    private static let tensors =
        [
            "embeddings.cls_token", "embeddings.position_embeddings",
            "embeddings.patch_embeddings.projection.weight", "encoder.layer.0.layernorm_before.weight",
            "encoder.layer.0.attention.attention.query.weight",
            "encoder.layer.0.attention.attention.query.bias",
            "encoder.layer.0.attention.attention.key.weight",
            "encoder.layer.0.attention.attention.value.weight",
            "encoder.layer.0.attention.output.dense.weight", "encoder.layer.0.intermediate.dense.weight",
            "encoder.layer.0.intermediate.dense.bias", "encoder.layer.0.output.dense.weight",
            "layernorm.weight",
        ].map { "audio_spectrogram_transformer." + $0 } + [
            "classifier.layernorm.bias", "classifier.dense.weight",
        ]

    @Test(arguments: tensors, [0x7FC0_0000, 0x7FC0_0001, 0xFFFF_FFFF] as [UInt32])
    func `A NaN or infinite weight is visible in the logits`(tensor: String, bits: UInt32) throws {
        let folder = try TestFolder()
        let model = try folder.copy(Golden.path("models/stride10"), to: "model")
        let weights = model + "/model.safetensors"
        var bytes = try TestFolder.bytes(of: weights)
        let start = try ArrayFile(path: weights).byteRange(tensor).lowerBound
        bytes.replaceSubrange(start..<start + 4, with: withUnsafeBytes(of: bits.littleEndian, Array.init))
        try folder.write(bytes, to: "model/model.safetensors")

        var random = SeededGenerator(seed: 41)
        let logits = ForwardPass.logits(
            try TestNetwork(directory: model, threads: 2), random.floats(96 * 128))
        #expect(!logits.allSatisfy { $0.isFinite }, "\(logits)")
    }
}
