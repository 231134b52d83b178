import GoldenSupport
import Testing

@testable import Inference

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Where the processor has bfloat16 products; elsewhere there is nothing to test, and the fp32 path is used.
@Suite(.enabled(if: AttentionKernels.forThisProcessor != nil)) struct AttentionKernelTests {
    /// Tokens, head width, queries: whole tiles and panels, and every kind of rest.
    @Test(arguments: [(64, 64, 6), (65, 64, 7), (1, 12, 1), (130, 18, 2), (200, 96, 13), (86, 7, 86)])
    func `A head attends as in double precision, within bfloat16's rounding`(
        tokens: Int, width: Int, rows: Int
    ) throws {
        let kernels = try #require(AttentionKernels.forThisProcessor)
        let stride = 2 * width + 3
        var random = SeededGenerator(seed: 9)
        let queries = random.floats(rows * stride, in: -2...2)
        let keys = random.floats(tokens * stride, in: -2...2)
        let values = random.floats(tokens * stride)
        let scale = 1 / Float(width).squareRoot()
        let found = Self.attend(kernels, queries, keys, values, rows, tokens, width, stride, scale)
        for row in 0..<rows {
            let scores = (0..<tokens).map { token in
                Double(scale)
                    * (0..<width).reduce(0.0) {
                        $0 + Double(queries[row * stride + $1]) * Double(keys[token * stride + $1])
                    }
            }
            let top = scores.max() ?? 0
            let weights = scores.map { exp($0 - top) }
            let sum = weights.reduce(0, +)
            for column in 0..<width {
                let wanted = (0..<tokens).reduce(0.0) {
                    $0 + weights[$1] / sum * Double(values[$1 * stride + column])
                }
                let value = Double(found[row * stride + column])
                #expect(abs(value - wanted) < 0.02, "row \(row), column \(column)")
            }
            #expect(found[(row * stride + width)..<((row + 1) * stride)].allSatisfy { $0.isNaN }, "untouched")
        }
    }

    @Test func `What is no number is seen`() throws {
        let kernels = try #require(AttentionKernels.forThisProcessor)
        var keys = [Float](repeating: 0.5, count: 70 * 8)
        keys[69 * 8 + 3] = .nan
        let ones = [Float](repeating: 1, count: 70 * 8)
        let found = Self.attend(kernels, ones, keys, ones, 2, 70, 8, 8, 1)
        #expect(found.allSatisfy { !$0.isFinite })
        var values = ones
        values[5] = .infinity
        let other = Self.attend(kernels, ones, ones, values, 2, 70, 8, 8, 1)
        #expect(!other[5].isFinite && abs(other[4] - 1) < 0.01)
    }

    private static func attend(
        _ kernels: AttentionKernels, _ queries: [Float], _ keys: [Float], _ values: [Float], _ rows: Int,
        _ tokens: Int, _ width: Int, _ stride: Int, _ scale: Float
    ) -> [Float] {
        let count = AttentionKernels.headCount(tokens: tokens, width: width)
        let bytes = AttentionKernels.scratchBytes(tokens: tokens, width: width)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 2 * count + bytes + 64, alignment: 64)
        defer { memory.deallocate() }
        let head = memory.bindMemory(to: UInt16.self, capacity: count)
        let scratch = memory + (2 * count + 63) / 64 * 64
        var out = [Float](repeating: .nan, count: rows * stride)
        kernels.pack(keys: keys, values: values, tokens: tokens, width: width, stride: stride, into: head)
        kernels.attend(
            queries, rows: rows, head: head, tokens: tokens, width: width, stride: stride, scale: scale,
            scratch: scratch, into: &out)
        return out
    }
}
