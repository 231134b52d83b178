private import Detection
private import Frontend
package import Inference
private import Recognizer
package import TextSupport

/// The properties of a model.
package struct ModelInspection: Inspection {
    private let base: BaseModel
    private let variant: Variant
    private let sha256: String

    /// - Throws: ``ModelError`` when the model is invalid.
    package init(directory: String) throws(ModelError) {
        base = try BaseModel(directory: directory)
        if let error = base.network.brokenWeights() { throw error }
        variant = VariantMaker(base: base, activation: nil).baseVariant
        var digest = Digest()
        try digest.add(file: base.weightsPath)
        sha256 = digest.hexadecimal()
    }

    package var lines: [(name: String, text: String)] {
        let config = variant.network.config
        let geometry = config.geometry
        return [
            ("model", base.directory),
            ("weights", "\(base.elementTypeName), \(Self.millions(base.parameterCount)) million parameters"),
            (
                "network",
                "\(geometry.layers) layers of \(geometry.hidden), \(geometry.heads) heads, MLP \(geometry.intermediate)"
            ),
            (
                "patches",
                "\(geometry.patch) x \(geometry.patch), strides \(geometry.frequencyStride) (mel) and \(geometry.timeStride) (time), \(geometry.tokens) tokens"
            ),
        ] + VariantLines.lines(variant) + [("sha256", "\(sha256)  model.safetensors")]
    }

    package func writeMembers(to json: inout JSONWriter) {
        let geometry = variant.network.config.geometry
        json.member("kind", "model")
        json.member("path", base.directory)
        json.member("dtype", base.elementTypeName)
        json.member("parameters", base.parameterCount)
        json.member("sha256", sha256)
        json.key("geometry")
        json.object { json in
            json.member("hidden", geometry.hidden)
            json.member("layers", geometry.layers)
            json.member("heads", geometry.heads)
            json.member("intermediate", geometry.intermediate)
            json.member("patch", geometry.patch)
            json.member("frequency_stride", geometry.frequencyStride)
            json.member("time_stride", geometry.timeStride)
            json.member("tokens", geometry.tokens)
            json.member("qkv_bias", geometry.queryKeyValueBias)
            json.key("layer_norm_eps")
            json.number(geometry.layerNormEpsilon)
        }
        VariantLines.write(variant, to: &json)
    }
}
