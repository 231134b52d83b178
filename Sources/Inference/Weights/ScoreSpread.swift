/// The expected spread of a layer's attention scores, computed from its weights alone.
///
/// Softmax turns the error of a score into a relative error of a weight: where scores spread over tens,
/// rounding queries and keys to 8 bits decides which token is attended. The scores of common networks spread
/// over 1 to 5; a strong adapter can make it 20. A layer above ``limit`` has "sharp" attention: its queries,
/// keys and attention are computed in fp32.
struct ScoreSpread {
    /// Standard deviation of one query's scores over the keys, in the head where it is largest.
    let deviation: Float

    /// Above this the error of 8-bit scores, about 1/200 of their size, is visible in the result.
    static let limit: Float = 12

    /// Whether the spread is above ``limit``. NaN, from an invalid weight, is not: packing reports it.
    var isSharp: Bool { deviation > Self.limit }

    /// Names of the tensors that the spread depends on.
    ///
    /// - Parameter attention: The module's name with a trailing dot, `...layer.0.attention.`.
    static func tensors(of attention: String) -> [String] {
        let norm = norm(before: attention)
        return [
            attention + "attention.query.weight", attention + "attention.query.bias",
            attention + "attention.key.weight", norm + ".weight", norm + ".bias",
        ]
    }

    private static func norm(before attention: String) -> String {
        String(attention.dropLast("attention.".count)) + "layernorm_before"
    }

    /// Assumes that the channels of a normalised token are independent and of unit variance. Then a query is
    /// a vector with second moment Mq and a key one with covariance Ck, and the variance of their scores is
    /// tr(Mq Ck) / head width.
    init(_ weights: Weights, _ attention: String, heads: Int) throws(ModelError) {
        let norm = Self.norm(before: attention)
        guard let shape = weights.shape(of: norm + ".weight"), shape.count == 1, heads > 0 else {
            throw .missingTensor(path: weights.checkpoint.path, tensor: norm + ".weight")
        }
        let hidden = shape[0]
        let width = hidden / heads
        let gain = try weights.tensor(norm + ".weight", [hidden])
        let offset = try weights.tensor(norm + ".bias", [hidden])
        let queries = try weights.tensor(attention + "attention.query.weight", [hidden, hidden])
        let keys = try weights.tensor(attention + "attention.key.weight", [hidden, hidden])
        let biasName = attention + "attention.query.bias"
        let bias = weights.contains(biasName) ? try weights.tensor(biasName, [hidden]) : nil

        // A head's rows times the gains, and the products of all pairs of them.
        var rows = [Float](repeating: 0, count: width * hidden)
        func covariance(_ matrix: Tensor, head: Int) -> [Float] {
            for row in 0..<width {
                let source = matrix.pointer + (head * width + row) * hidden
                for index in 0..<hidden { rows[row * hidden + index] = source[index] * gain.pointer[index] }
            }
            var products = [Float](repeating: 0, count: width * width)
            SGEMM.multiplyTransposed(
                rows: width, columns: width, inner: hidden, rows, stride: hidden, rows, stride: hidden,
                beta: 0, &products, stride: width)
            return products
        }
        var largest: Float = 0
        for head in 0..<heads {
            let (query, key) = (covariance(queries, head: head), covariance(keys, head: head))
            let mean = (0..<width).map { row in
                let source = queries.pointer + (head * width + row) * hidden
                return (0..<hidden).reduce(bias?.pointer[head * width + row] ?? 0) {
                    $0 + source[$1] * offset.pointer[$1]
                }
            }
            var trace: Float = 0
            for row in 0..<width {
                for column in 0..<width {
                    let moment = query[row * width + column] + mean[row] * mean[column]
                    trace += moment * key[row * width + column]
                }
            }
            largest = max(largest, trace / Float(width))
        }
        deviation = largest.squareRoot()
    }
}
