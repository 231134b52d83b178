private import Frontend
package import Inference
package import Recognizer
package import TextSupport

/// The properties of a model.
package struct ModelInspection: Inspection {
    private let base: BaseModel
    private let variant: Variant
    private let sha256: String

    /// - Parameter options: Names the model, and how it is computed.
    /// - Throws: ``ModelError`` when the model is invalid.
    package init(_ options: RecognizerOptions) throws(ModelError) {
        base = try options.baseModel()
        if let error = base.network.brokenWeights() { throw error }
        variant = VariantMaker(base: base, activation: nil).baseVariant
        sha256 = try base.weightsDigest()
    }

    /// `model.safetensors`, or the first and the last shard.
    private var weightsNames: String {
        let names = base.weightsPaths.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
        guard names.count > 1 else { return names.joined() }
        return "\(names.count) shards one after another, \(names[0]) to \(names[names.count - 1])"
    }

    private var notes: [String] { base.notes + VariantLines.labelNotes(variant.labels) }

    package var lines: [(name: String, text: String)] {
        let config = variant.network.config
        let dimensions = config.dimensions
        return [
            ("model", base.directory),
            ("weights", "\(base.elementTypeName), \(Self.count(base.parameterCount)) parameters"),
            (
                "network",
                "\(dimensions.layers) layers of \(dimensions.hidden), \(dimensions.heads) heads, MLP \(dimensions.intermediate)"
            ),
            (
                "patches",
                "\(dimensions.patch) x \(dimensions.patch), strides \(dimensions.frequencyStride) (mel) and \(dimensions.timeStride) (time), \(dimensions.tokens) tokens"
            ),
        ] + VariantLines.lines(variant) + [("sha256", "\(sha256)  \(weightsNames)")]
            + notes.map { ("note", $0) }
    }

    package func writeMembers(to json: inout JSONWriter) {
        let dimensions = variant.network.config.dimensions
        json.member("kind", "model")
        json.member("path", base.directory)
        json.member("dtype", base.elementTypeName)
        json.member("parameters", base.parameterCount)
        json.member("sha256", sha256)
        json.member("files", strings: base.weightsPaths)
        json.member("notes", strings: notes)
        json.key("geometry")
        json.object { json in
            json.member("hidden", dimensions.hidden)
            json.member("layers", dimensions.layers)
            json.member("heads", dimensions.heads)
            json.member("intermediate", dimensions.intermediate)
            json.member("patch", dimensions.patch)
            json.member("frequency_stride", dimensions.frequencyStride)
            json.member("time_stride", dimensions.timeStride)
            json.member("tokens", dimensions.tokens)
            json.member("qkv_bias", dimensions.queryKeyValueBias)
            json.key("layer_norm_eps")
            json.number(dimensions.layerNormEpsilon)
        }
        VariantLines.write(variant, to: &json)
    }
}
