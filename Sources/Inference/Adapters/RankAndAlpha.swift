internal import TextSupport

/// `r`, `alpha` and their patterns, as LoHa and LoKr have them: the product of the factors is scaled by
/// alpha / r.
struct RankAndAlpha {
    static let keys: Set<String> = ["alpha", "alpha_pattern", "r", "rank_pattern"]

    private let alpha: Double
    private let alphaPattern: PatternTable<Double>
    private let r: Int
    private let rankPattern: PatternTable<Int>
    private let path: String

    init(_ file: ConfigFile) throws(ModelError) {
        path = file.path
        alpha = try file.double("alpha") ?? 8
        r = try file.integer("r") ?? 8
        alphaPattern = try PatternTable(file, "alpha_pattern", "a number") { $0.finiteNumber }
        rankPattern = try PatternTable(file, "rank_pattern", "a whole number") { $0.wholeNumber }
    }

    func rank(_ module: String) -> Int { rankPattern.value(for: module) ?? r }

    func scale(_ module: String) throws(ModelError) -> Float {
        let alpha = alphaPattern.value(for: module) ?? alpha
        let scale = Float(alpha / Double(rank(module)))
        guard scale.isFinite, rank(module) > 0 else {
            throw .unsupported(
                path: path, key: "alpha / r of \(module)", found: "\(alpha) / \(rank(module))",
                wanted: "a number, r at least 1")
        }
        return scale
    }
}
