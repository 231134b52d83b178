import TestSupport
import Testing

@testable import Inference

/// On processors with such kernels; others use the BLAS library, which SGEMMTests covers.
@Suite(.enabled(if: FloatGEMM() != nil)) struct FloatGEMMTests {
    /// Rows, inputs, outputs: whole tiles, panels and depths, and every kind of remainder.
    @Test(
        arguments: [
            (1, 1, 1), (6, 64, 64), (7, 33, 70), (13, 900, 65), (5, 1_700, 3), (20, 16, 128), (2, 768, 130),
            (12, 1_536, 63), (3, 31, 17), (8, 768, 8), (13, 40, 12), (25, 8, 768), (4, 5, 70),
        ])
    func `A result is exact to rounding, stored, added or activated`(
        rows: Int, inputs: Int, outputs: Int
    ) throws {
        let gemm = try #require(FloatGEMM())
        var random = SeededGenerator(seed: 11)
        let x = random.floats(rows * inputs, in: -1...1)
        let w = random.floats(outputs * inputs, in: -0.2...0.2)
        let bias = random.floats(outputs)
        let scratch = UnsafeMutablePointer<Float>.allocate(capacity: gemm.scratchFloats + 16)
        defer { scratch.deallocate() }
        func run(_ epilogue: Epilogue, start: Float, bias: [Float]?) -> [Float] {
            var y = [Float](repeating: start, count: rows * outputs + 5)
            gemm.multiply(
                x, rows: rows, w, outputs: outputs, inputs: inputs, bias: bias, into: &y, then: epilogue,
                scratch: scratch)
            #expect(y.suffix(5).allSatisfy { start.isNaN ? $0.isNaN : $0 == start }, "nothing behind the end")
            return y
        }
        let stored = run(.store, start: .nan, bias: bias)
        let added = run(.add, start: 2, bias: bias)
        let activated = run(.gelu, start: .nan, bias: bias)
        let plain = run(.store, start: .nan, bias: nil)
        for row in 0..<rows {
            for output in 0..<outputs {
                let sum = (0..<inputs).reduce(0.0) {
                    $0 + Double(x[row * inputs + $1]) * Double(w[output * inputs + $1])
                }
                let exact = sum + Double(bias[output])
                let index = row * outputs + output
                #expect(abs(Double(plain[index]) - sum) < 1e-5)
                #expect(abs(Double(stored[index]) - exact) < 1e-5)
                #expect(abs(Double(added[index]) - exact - 2) < 1e-5)
                #expect(abs(Double(activated[index]) - ReferenceKernels.gelu(Float(exact))) < 1e-5)
            }
        }
    }

    /// Few outputs are dot products, others panels; both work on several rows at once.
    @Test(arguments: [1, 2, 4, 5, 8, 9, 16, 17, 64, 65, 80, 130])
    func `A row has the same bits with any number of rows beside it`(outputs: Int) throws {
        let gemm = try #require(FloatGEMM())
        let (most, inputs) = (13, 900)
        var random = SeededGenerator(seed: 12)
        let x = random.floats(most * inputs, in: -1...1)
        let w = random.floats(outputs * inputs, in: -0.2...0.2)
        let scratch = UnsafeMutablePointer<Float>.allocate(capacity: gemm.scratchFloats)
        defer { scratch.deallocate() }
        func results(_ rows: Range<Int>) -> [Float] {
            var y = [Float](repeating: .nan, count: rows.count * outputs)
            gemm.multiply(
                Array(x[rows.lowerBound * inputs..<rows.upperBound * inputs]), rows: rows.count, w,
                outputs: outputs, inputs: inputs, bias: nil, into: &y, then: .gelu, scratch: scratch)
            return y
        }
        let all = results(0..<most)
        for rows in [0..<1, 1..<3, 2..<7, 0..<12, 6..<13, 12..<13] {
            let same = results(rows) == Array(all[rows.lowerBound * outputs..<rows.upperBound * outputs])
            #expect(same, "rows \(rows)")
        }
    }

    @Test func `NaN and infinity are visible in the result`() throws {
        let gemm = try #require(FloatGEMM())
        var x = [Float](repeating: 1, count: 2 * 8)
        x[3] = .nan
        let w = [Float](repeating: 0.5, count: 3 * 8)
        let scratch = UnsafeMutablePointer<Float>.allocate(capacity: gemm.scratchFloats)
        defer { scratch.deallocate() }
        var y = [Float](repeating: 0, count: 6)
        gemm.multiply(
            x, rows: 2, w, outputs: 3, inputs: 8, bias: nil, into: &y, then: .gelu, scratch: scratch)
        #expect(y[..<3].allSatisfy(\.isNaN) && y[3...].allSatisfy { abs($0 - 4) < 1e-3 })
    }
}
