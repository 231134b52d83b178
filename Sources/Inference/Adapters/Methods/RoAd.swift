private import Glibc

/// RoAd: rotates and scales pairs of a module's outputs, its bias included. The pairs are the elements of the
/// two halves of each group.
///
/// Liao, Monz: "3-in-1: 2D Rotary Adaptation for Efficient Finetuning, Efficient Batching and Composability",
/// 2024 (arXiv:2409.00119).
struct RoAd: AdapterMethod {
    static let peftType = "ROAD"
    static let keys = AdapterConfigKeys(read: ["group_size", "variant"], neutral: ["init_weights"])
    static let parameters: Set = ["road_theta", "road_alpha"]

    var title: String { "RoAd, \(variant)" }
    private let variant: String
    private let groupSize: Int

    init(_ file: ConfigFile) throws(ModelError) {
        variant = try file.string("variant") ?? "road_1"
        groupSize = try file.integer("group_size") ?? 64
        guard ["road_1", "road_2", "road_4"].contains(variant) else {
            throw .unsupported(
                path: file.path, key: "variant", found: variant, wanted: "road_1, road_2, road_4")
        }
        guard groupSize > 0, groupSize % 2 == 0 else {
            throw .unsupported(
                path: file.path, key: "group_size", found: "\(groupSize)", wanted: "a positive even number")
        }
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear("RoAd")
        let outputs = module.outputs
        guard outputs % groupSize == 0 else {
            throw module.contradiction(
                "group_size", found: "\(groupSize)", wanted: "a divisor of \(outputs)")
        }
        let count = variant == "road_1" ? outputs / 2 : variant == "road_2" ? outputs : 2 * outputs
        let angles = try module.tensor("road_theta", [count])
        let scales = try module.tensor("road_alpha", [count])
        let half = groupSize / 2
        /// Where an output's parameters are: those for itself, and those for its partner.
        func places(_ output: Int) -> (own: Int, partner: Int) {
            let (group, place) = (output / groupSize, output % groupSize)
            switch variant {
            case "road_1": return (group * half + place % half, group * half + place % half)
            case "road_2": return (output, output)
            default: return (2 * group * groupSize + place, (2 * group + 1) * groupSize + place)
            }
        }
        var own: [Float] = [], partner: [Float] = []
        for output in 0..<outputs {
            let (first, second) = places(output)
            own.append(scales.pointer[first] * cos(angles.pointer[first]))
            let sine = scales.pointer[second] * sin(angles.pointer[second])
            partner.append(output % groupSize < half ? -sine : sine)
        }
        return RoAdChange(weight: module.weight, own: own, partner: partner, half: half)
    }
}

private struct RoAdChange: WeightChange {
    let weight: Tensor
    /// What each output is multiplied with.
    let own: [Float]
    /// What is added of its partner.
    let partner: [Float]
    let half: Int

    private func partner(of output: Int) -> Int {
        output % (2 * half) < half ? output + half : output - half
    }

    func bias(_ bias: Tensor?) -> [Float]? {
        bias.map { bias in
            own.indices.map {
                bias.pointer[$0] * own[$0] + bias.pointer[partner(of: $0)] * partner[$0]
            }
        }
    }

    func rowMerge() -> RowMerge {
        let inputs = weight.rowWidth
        return { rows, block in
            for row in rows {
                let values = block + (row - rows.lowerBound) * inputs
                let other = weight.pointer + partner(of: row) * inputs
                for column in 0..<inputs {
                    values[column] = values[column] * own[row] + other[column] * partner[row]
                }
            }
        }
    }
}
