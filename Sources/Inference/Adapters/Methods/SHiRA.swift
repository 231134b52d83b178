/// SHiRA: adds trained values to a few elements of the weight.
///
/// Bhardwaj et al.: "Sparse High Rank Adapters", 2024 (arXiv:2406.13175).
struct SHiRA: AdapterMethod {
    static let peftType = "SHIRA"
    static let keys = AdapterConfigKeys(
        read: ["r"], neutral: ["init_weights", "mask_type", "random_seed"])
    static let parameters: Set = ["shira_weight", "shira_indices"]
    static let integers: Set = ["shira_indices"]

    let title = "SHiRA"
    private let r: Int

    init(_ file: ConfigFile) throws(ModelError) {
        r = try file.integer("r") ?? 32
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear(title)
        let (outputs, inputs) = (module.outputs, module.inputs)
        let count = try module.shape(of: "shira_weight").first ?? 0
        let values = try module.tensor("shira_weight", [count])
        try module.check(
            "r (inputs + outputs)", r.multipliedReportingOverflow(by: inputs + outputs).partialValue,
            isThatOf: "shira_weight", count)
        let shape = try module.shape(of: "shira_indices")
        guard shape == [2, count], let name = module.tensors.names["shira_indices"] else {
            throw .shape(
                path: module.adapter.file.path, tensor: module.tensors.names["shira_indices"] ?? "",
                expected: [2, count], found: shape)
        }
        guard let indices = module.adapter.file.integers(name),
            indices.prefix(count).allSatisfy({ (0..<outputs).contains($0) }),
            indices.dropFirst(count).allSatisfy({ (0..<inputs).contains($0) })
        else {
            throw .malformed(
                path: module.adapter.file.path,
                problem: "\(name) has an element outside of [\(outputs), \(inputs)]")
        }
        // Row by row, so that a block of rows finds its own.
        let order = (0..<count).sorted { indices[$0] < indices[$1] }
        var starts = Array(repeating: 0, count: outputs + 1)
        for index in 0..<count { starts[indices[index] + 1] += 1 }
        for row in 0..<outputs { starts[row + 1] += starts[row] }
        return RowChange { rows, block in
            for row in rows {
                for place in starts[row]..<starts[row + 1] {
                    let index = order[place]
                    block[(row - rows.lowerBound) * inputs + indices[count + index]] += values.pointer[index]
                }
            }
        }
    }
}
