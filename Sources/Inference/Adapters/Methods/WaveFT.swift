/// WaveFT: adds the inverse Haar wavelet transform of a sparse matrix, or (without `use_idwt`) that matrix,
/// times `scaling`. The places of its values are PyTorch's random numbers from `random_loc_seed`.
///
/// Bilican et al.: "Exploring Sparsity for Parameter Efficient Fine Tuning Using Wavelets", 2025
/// (arXiv:2505.12532).
struct WaveFT: AdapterMethod {
    static let peftType = "WAVEFT"
    // The tensors state the numbers of values.
    static let keys = AdapterConfigKeys(
        read: ["random_loc_seed", "scaling", "use_idwt", "wavelet_family"],
        neutral: ["init_weights", "n_frequency", "n_frequency_pattern", "proportional_parameters"])
    static let parameters: Set = ["waveft_spectrum"]

    var title: String { isTransformed ? "WaveFT" : "WaveFT, without transform" }
    private let scaling: Float
    private let seed: Int
    private let isTransformed: Bool

    init(_ file: ConfigFile) throws(ModelError) {
        scaling = Float(try file.double("scaling") ?? 25)
        seed = try file.integer("random_loc_seed") ?? 777
        isTransformed = try file.bool("use_idwt") ?? true
        let family = try file.string("wavelet_family") ?? "db1"
        if isTransformed, family != "db1" {
            throw .unsupported(
                path: file.path, key: "wavelet_family", found: family,
                wanted: "db1; merge the adapter with PEFT")
        }
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear(title)
        let (outputs, inputs) = (module.outputs, module.inputs)
        let count = try module.shape(of: "waveft_spectrum").first ?? 0
        guard count <= outputs * inputs, outputs * inputs < TorchGenerator.largestPermutation else {
            throw .shape(
                path: module.adapter.file.path, tensor: module.tensors.example,
                expected: [outputs * inputs], found: [count])
        }
        let spectrum = try module.tensor("waveft_spectrum", [count])
        var generator = TorchGenerator(seed: seed)
        let places = generator.permutation(of: outputs * inputs, first: count)
        var added: [(row: Int, column: Int, value: Float)] = []
        for (index, place) in places.enumerated() {
            let value = spectrum.pointer[index] * scaling
            if isTransformed {
                added += Self.haar(place / inputs, place % inputs, value, outputs, inputs)
            } else {
                added.append((place / inputs, place % inputs, value))
            }
        }
        let changes = Dictionary(grouping: added, by: \.row)
        return RowChange { rows, block in
            for row in rows {
                for change in changes[row] ?? [] {
                    block[(row - rows.lowerBound) * inputs + change.column] += change.value
                }
            }
        }
    }

    /// What one coefficient of the four bands (mean, horizontal, vertical, diagonal) adds to four elements.
    private static func haar(
        _ row: Int, _ column: Int, _ value: Float, _ outputs: Int, _ inputs: Int
    ) -> [(row: Int, column: Int, value: Float)] {
        // An odd side is padded.
        let halfRows = (outputs + 1) / 2, halfColumns = (inputs + 1) / 2
        let changesRow = column >= halfColumns, changesColumn = row >= halfRows
        let top = row % halfRows * 2, left = column % halfColumns * 2
        return [(0, 0), (0, 1), (1, 0), (1, 1)].compactMap { down, right in
            guard top + down < outputs, left + right < inputs else { return nil }
            let isNegative = (changesRow && down == 1) != (changesColumn && right == 1)
            return (top + down, left + right, isNegative ? -value / 2 : value / 2)
        }
    }
}
