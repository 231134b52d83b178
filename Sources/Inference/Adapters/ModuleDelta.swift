/// The tensors of an adapter's file for one linear module or convolution, by name.
struct ModuleDelta {
    /// The module's path as the adapter names it; patterns are matched against it.
    let module: String
    /// A `[rank, inputs]`, or `[rank, channels, side, side]` for a convolution.
    var a: String?
    /// B `[outputs, rank]`, or `[outputs, rank, 1, 1]`.
    var b: String?
    /// Bias of B, `[outputs]` (`lora_bias`).
    var bias: String?
    /// DoRA's magnitudes, `[outputs]`, or `[1, outputs, 1, 1]`.
    var magnitude: String?

    /// Suffixes of tensor names, and the part that each stands for.
    static var parts: [(suffix: String, place: WritableKeyPath<ModuleDelta, String?>)] {
        [
            (".lora_A.weight", \.a),
            (".lora_B.weight", \.b),
            (".lora_B.bias", \.bias),
            (".lora_magnitude_vector", \.magnitude),
            // Early versions of PEFT stored the magnitudes in a layer of their own.
            (".lora_magnitude_vector.weight", \.magnitude),
        ]
    }
}
