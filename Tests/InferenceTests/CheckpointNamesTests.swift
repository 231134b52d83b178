import TestSupport
import Testing

@testable import Inference

@Suite struct CheckpointNamesTests {
    @Test func `Names of transformers 5 map to those of transformers 4`() {
        let modules = [
            ("attention.q_proj", "attention.attention.query"),
            ("attention.k_proj", "attention.attention.key"),
            ("attention.v_proj", "attention.attention.value"), ("attention.o_proj", "attention.output.dense"),
            ("mlp.fc1", "intermediate.dense"), ("mlp.fc2", "output.dense"),
            ("layernorm_before", "layernorm_before"), ("layernorm_after", "layernorm_after"),
        ]
        for (newer, older) in modules {
            for suffix in ["", ".weight", ".bias"] {
                for layer in [0, 7, 11, 123] {
                    let name = "audio_spectrogram_transformer.layers.\(layer).\(newer)\(suffix)"
                    let wanted = "audio_spectrogram_transformer.encoder.layer.\(layer).\(older)\(suffix)"
                    #expect(CheckpointNames.canonical(name) == wanted)
                    #expect(CheckpointNames.canonical(wanted) == wanted, "an older name stays")
                    #expect(wanted.hasPrefix(CheckpointNames.layer(layer)))
                }
            }
        }
    }

    @Test(arguments: [
        "classifier.dense.weight", "audio_spectrogram_transformer.layernorm.bias", "layer.0.mlp.fc1.weight",
        "audio_spectrogram_transformer.embeddings.cls_token", "audio_spectrogram_transformer.layers", "",
    ])
    func `Every other name is unchanged`(name: String) {
        #expect(CheckpointNames.canonical(name) == name)
    }

    @Test(arguments: ["layers.0.attention.q_proj.weight", "encoder.layer.0.attention.attention.query.weight"])
    func `A name of a model without a head gets the backbone's prefix`(name: String) {
        #expect(
            CheckpointNames.canonical(name)
                == "audio_spectrogram_transformer.encoder.layer.0.attention.attention.query.weight")
    }

    @Test func `A name that only begins like a module is unchanged`() {
        #expect(
            CheckpointNames.canonical("audio_spectrogram_transformer.layers.0.mlp.fc10.weight")
                == "audio_spectrogram_transformer.encoder.layer.0.mlp.fc10.weight")
    }

    @Test func `Checkpoints of transformers 4 and 5 have the same tensors`() throws {
        let older = try ArrayFile(golden: "models/stride10/model.safetensors")
        let newer = try ArrayFile(golden: "models/modern-names/model.safetensors")
        #expect(older.names != newer.names, "otherwise this proves nothing")
        #expect(older.names == newer.names.map(CheckpointNames.canonical).sorted())
    }
}
