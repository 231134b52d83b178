import TestSupport

@testable import Inference
import Glibc

/// The network written down as in the paper, in double precision and without any shortcut: every block
/// computes every token, whatever pooling reads.
struct NaiveAST {
    let weights: ArrayFile
    let dimensions: ModelDimensions

    typealias Matrix = [[Double]]

    /// The tokens after the last block, `[tokens, hidden]`, not yet normalised.
    func tokens(_ features: [Float]) throws -> Matrix {
        var x = try embeddings(features)
        for layer in 0..<dimensions.layers {
            let name = "audio_spectrogram_transformer.encoder.layer.\(layer)."
            let attended = try attention(norm(x, name + "layernorm_before"), name + "attention.")
            x = Self.sum(x, attended)
            let wide = try linear(norm(x, name + "layernorm_after"), name + "intermediate.dense")
            let active = wide.map { $0.map { 0.5 * $0 * erfc(-$0 / 2.0.squareRoot()) } }
            x = Self.sum(x, try linear(active, name + "output.dense"))
        }
        return x
    }

    func pooled(_ tokens: Matrix, _ pooling: ModelConfig.Pooling) throws -> [Double] {
        let normed = try norm(tokens, "audio_spectrogram_transformer.layernorm")
        let rows =
            switch pooling {
            case .clsDistillationMean: normed.prefix(2)
            case .cls: normed.prefix(1)
            case .mean: normed[...]
            case .prompts: normed[1..<dimensions.leadingTokens]
            case .speech: normed[dimensions.leadingTokens...]
            case .promptsAndSpeech: normed[1...]
            }
        return (0..<dimensions.hidden).map { column in rows.reduce(0) { $0 + $1[column] } / Double(rows.count)
        }
    }

    func logits(pooled: [Double]) throws -> [Double] {
        try linear(norm([pooled], "classifier.layernorm"), "classifier.dense")[0]
    }

    private func embeddings(_ features: [Float]) throws -> Matrix {
        let name = "audio_spectrogram_transformer.embeddings."
        let kernel = try weights.doubles(name + "patch_embeddings.projection.weight")
        let bias = try weights.doubles(name + "patch_embeddings.projection.bias")
        let side = dimensions.patch
        var x = [try weights.doubles(name + "cls_token"), try weights.doubles(name + "distillation_token")]
        for band in 0..<dimensions.frequencyPatches {
            for time in 0..<dimensions.timePatches {
                x.append(
                    (0..<dimensions.hidden).map { channel in
                        var sum = bias[channel]
                        for bin in 0..<side {
                            for frame in 0..<side {
                                let row = time * dimensions.timeStride + frame
                                let column = band * dimensions.frequencyStride + bin
                                sum +=
                                    kernel[(channel * side + bin) * side + frame]
                                    * Double(features[row * dimensions.melBins + column])
                            }
                        }
                        return sum
                    })
            }
        }
        return Self.sum(x, Self.rows(try weights.doubles(name + "position_embeddings"), dimensions.hidden))
    }

    private func attention(_ x: Matrix, _ name: String) throws -> Matrix {
        let queries = try linear(x, name + "attention.query")
        let keys = try linear(x, name + "attention.key")
        let values = try linear(x, name + "attention.value")
        let width = dimensions.headWidth
        var context = x.map { _ in [Double](repeating: 0, count: dimensions.hidden) }
        for head in 0..<dimensions.heads {
            let columns = head * width..<(head + 1) * width
            for (row, query) in queries.enumerated() {
                let scores = keys.map { key in
                    columns.reduce(0) { $0 + query[$1] * key[$1] } / Double(width).squareRoot()
                }
                let top = scores.reduce(-.infinity, max)
                let shares = scores.map { exp($0 - top) }
                let total = shares.reduce(0, +)
                for (share, value) in zip(shares, values) {
                    for column in columns { context[row][column] += share / total * value[column] }
                }
            }
        }
        return try linear(context, name + "output.dense")
    }

    private func linear(_ x: Matrix, _ name: String) throws -> Matrix {
        let matrix = Self.rows(try weights.doubles(name + ".weight"), x[0].count)
        let bias =
            weights.names.contains(name + ".bias")
            ? try weights.doubles(name + ".bias") : [Double](repeating: 0, count: matrix.count)
        return x.map { row in
            zip(matrix, bias).map { weights, bias in zip(weights, row).reduce(bias) { $0 + $1.0 * $1.1 } }
        }
    }

    private func norm(_ x: Matrix, _ name: String) throws -> Matrix {
        let gain = try weights.doubles(name + ".weight")
        let bias = try weights.doubles(name + ".bias")
        return x.map { row in
            let mean = row.reduce(0, +) / Double(row.count)
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
            let deviation = (variance + Double(dimensions.layerNormEpsilon)).squareRoot()
            return row.indices.map { (row[$0] - mean) / deviation * gain[$0] + bias[$0] }
        }
    }

    private static func sum(_ a: Matrix, _ b: Matrix) -> Matrix {
        zip(a, b).map { zip($0, $1).map { $0 + $1 } }
    }

    private static func rows(_ flat: [Double], _ width: Int) -> Matrix {
        stride(from: 0, to: flat.count, by: width).map { Array(flat[$0..<$0 + width]) }
    }
}
