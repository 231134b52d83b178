private import Glibc

/// FourierFT: adds the real part of the inverse Fourier transform of a sparse spectrum, times `scaling`. The
/// places of its values are PyTorch's random numbers from `random_loc_seed`.
///
/// Gao et al.: "Parameter-Efficient Fine-Tuning with Discrete Fourier Transform", 2024 (arXiv:2405.03003).
struct FourierFT: AdapterMethod {
    static let peftType = "FOURIERFT"
    // The tensors state the numbers of frequencies.
    static let keys = AdapterConfigKeys(
        read: ["random_loc_seed", "scaling"],
        neutral: ["init_weights", "n_frequency", "n_frequency_pattern"])
    static let parameters: Set = ["fourierft_spectrum"]

    let title = "FourierFT"
    private let scaling: Float
    private let seed: Int

    init(_ file: ConfigFile) throws(ModelError) {
        scaling = Float(try file.double("scaling") ?? 150)
        seed = try file.integer("random_loc_seed") ?? 777
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear(title)
        let count = try module.shape(of: "fourierft_spectrum").first ?? 0
        let elements = module.outputs * module.inputs
        guard count <= elements, elements < TorchGenerator.largestPermutation else {
            throw .shape(
                path: module.adapter.file.path, tensor: module.tensors.example, expected: [elements],
                found: [count])
        }
        return FourierFTChange(
            spectrum: try module.tensor("fourierft_spectrum", [count]), outputs: module.outputs,
            inputs: module.inputs, scale: scaling / Float(elements), seed: seed)
    }
}

private struct FourierFTChange: WeightChange {
    let spectrum: Tensor
    let outputs: Int
    let inputs: Int
    let scale: Float
    let seed: Int

    /// The real part of the sum of c exp(2 pi i (u row / outputs + v column / inputs)): for each u, the sum
    /// over v is a row of cosines and one of sines; these are the factors of two matrix products.
    func rowMerge() throws(ModelError) -> RowMerge {
        var generator = TorchGenerator(seed: seed)
        let places = generator.permutation(of: outputs * inputs, first: spectrum.count)
        let waves = Self.waves(inputs)
        var indexOfRow: [Int: Int] = [:]
        var frequencies: [Int] = []
        var sums: [Float] = []
        for (index, place) in places.enumerated() {
            let (u, v) = (place / inputs, place % inputs)
            let known = indexOfRow[u]
            let row = known ?? frequencies.count
            if known == nil {
                indexOfRow[u] = row
                frequencies.append(u)
                sums += Array(repeating: 0, count: 2 * inputs)
            }
            let value = spectrum.pointer[index]
            for column in 0..<inputs {
                let phase = v * column % inputs
                sums[2 * row * inputs + column] += value * waves[phase].cosine
                sums[(2 * row + 1) * inputs + column] += value * waves[phase].sine
            }
        }
        let rowWaves = Self.waves(outputs)
        let (outputs, right) = (outputs, sums)
        return try FactorChange(rank: nil, inputs: inputs, scale: scale) { () throws(ModelError) in
            var left: [Float] = []
            left.reserveCapacity(outputs * frequencies.count * 2)
            for row in 0..<outputs {
                for u in frequencies {
                    let wave = rowWaves[u * row % outputs]
                    left += [wave.cosine, -wave.sine]
                }
            }
            return (left, right)
        }.rowMerge()
    }

    /// cos and sin of 2 pi k / n for every k below n.
    private static func waves(_ n: Int) -> [(cosine: Float, sine: Float)] {
        (0..<n).map { k in
            let angle = 2 * Double.pi * Double(k) / Double(n)
            return (Float(cos(angle)), Float(sin(angle)))
        }
    }
}
