private import Glibc

/// VB-LoRA: a LoRA whose factors are composed of vectors of one bank: each piece is the mean of the
/// `topk` vectors with the largest logits, weighted by their softmax.
///
/// Li et al.: "VB-LoRA: Extreme Parameter Efficient Fine-Tuning with Vector Banks", 2024
/// (arXiv:2405.15179).
struct VBLoRA: AdapterMethod {
    static let peftType = "VBLORA"
    static let keys = AdapterConfigKeys(
        read: ["num_vectors", "r", "save_only_topk_weights", "topk", "vector_length"],
        neutral: ["init_logits_std", "init_vector_bank_bound", "vblora_dropout"])
    static let parameters: Set = [
        "vblora_logits_A", "vblora_logits_B", "vblora_vector_bank", "vblora_logits_A_topk_indices",
        "vblora_logits_B_topk_indices", "vblora_logits_A_topk_weights", "vblora_logits_B_topk_weights",
    ]
    static let integers: Set = ["vblora_logits_A_topk_indices", "vblora_logits_B_topk_indices"]

    let title = "VB-LoRA"
    private let r: Int
    private let count: Int
    private let length: Int
    private let top: Int

    init(_ file: ConfigFile) throws(ModelError) {
        r = try file.integer("r") ?? 4
        count = try file.integer("num_vectors") ?? 256
        length = try file.integer("vector_length") ?? 256
        top = try file.integer("topk") ?? 2
        guard r > 0, length > 0, count > 0, (1...max(1, count)).contains(top) else {
            throw .unsupported(
                path: file.path, key: "r, num_vectors, vector_length, topk",
                found: "\(r), \(count), \(length), \(top)",
                wanted: "positive numbers, topk at most num_vectors")
        }
    }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: r)
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear(title)
        guard module.inputs % length == 0, module.outputs % length == 0 else {
            throw module.contradiction(
                "vector_length", found: "\(length)",
                wanted: "a divisor of \(module.inputs) and \(module.outputs)")
        }
        let bank = try module.sharedTensor("vblora_vector_bank", [count, length])
        let (rank, length, inputs, outputs) = (r, length, module.inputs, module.outputs)
        let a = try pieces(module, "A", [r, inputs / length])
        let b = try pieces(module, "B", [outputs / length, r])
        return FactorChange(rank: rank, inputs: inputs, scale: 1) { () throws(ModelError) in
            // A's pieces are in the order of its elements; B's lie along its columns.
            let right = a.flatMap { Self.mean($0, bank) }
            var left = [Float](repeating: 0, count: outputs * rank)
            for (index, piece) in b.enumerated() {
                let values = Self.mean(piece, bank)
                for place in 0..<length {
                    left[(index / rank * length + place) * rank + index % rank] = values[place]
                }
            }
            return (left, right)
        }
    }

    fileprivate typealias Piece = [(vector: Int, weight: Float)]

    private static func mean(_ piece: Piece, _ bank: Tensor) -> [Float] {
        let length = bank.rowWidth
        var sum = [Float](repeating: 0, count: length)
        for (vector, weight) in piece {
            for place in 0..<length { sum[place] += weight * bank.pointer[vector * length + place] }
        }
        return sum
    }

    private func pieces(
        _ module: AdaptedModule, _ factor: String, _ shape: [Int]
    ) throws(ModelError) -> [Piece] {
        let name = "vblora_logits_" + factor
        let number = shape[0] * shape[1]
        guard module.has(name) else { return try storedPieces(module, name, shape) }
        let logits = try module.tensor(name, shape + [count])
        return (0..<number).map { piece in
            let values = logits.pointer + piece * count
            let best = (0..<count).sorted { values[$0] > values[$1] }.prefix(top)
            let largest = best.first.map { values[$0] } ?? 0
            let weights = best.map { exp(values[$0] - largest) }
            let sum = weights.reduce(0, +)
            return zip(best, weights).map { ($0, $1 / sum) }
        }
    }

    /// With `save_only_topk_weights`: the indices, and all weights but the last, which is what remains
    /// to 1.
    private func storedPieces(
        _ module: AdaptedModule, _ name: String, _ shape: [Int]
    ) throws(ModelError) -> [Piece] {
        let weights = try module.tensor(name + "_topk_weights", shape + [top - 1])
        let indices = try module.integers(name + "_topk_indices", shape + [top], below: count)
        return (0..<shape[0] * shape[1]).map { piece in
            let first = (0..<top - 1).map { weights.pointer[piece * (top - 1) + $0] }
            let all = first + [1 - first.reduce(0, +)]
            return (0..<top).map { (indices[piece * top + $0], all[$0]) }
        }
    }
}
