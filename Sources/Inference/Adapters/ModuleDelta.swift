/// What an adapter's file holds for one linear module or convolution: names of its tensors.
struct ModuleDelta {
    /// The module's path in the adapter's own generation of names: patterns are written for it.
    let module: String
    /// A `[rank, inputs]`, or `[rank, channels, side, side]` for a convolution.
    var a: String?
    /// B `[outputs, rank]`, or `[outputs, rank, 1, 1]`.
    var b: String?
    /// Bias of B, `[outputs]` (`lora_bias`).
    var bias: String?
    /// DoRA's magnitudes, `[outputs]`, or `[1, outputs, 1, 1]`.
    var magnitude: String?

    /// Ends of tensor names, and where the tensor belongs.
    static var parts: [(suffix: String, place: WritableKeyPath<ModuleDelta, String?>)] {
        [
            (".lora_A.weight", \.a),
            (".lora_B.weight", \.b),
            (".lora_B.bias", \.bias),
            (".lora_magnitude_vector", \.magnitude),
            // Early versions of PEFT kept the magnitudes in a layer of their own.
            (".lora_magnitude_vector.weight", \.magnitude),
        ]
    }
}
