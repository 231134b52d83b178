import TestSupport
import Testing

@testable import Inference

@Suite struct SGEMMTests {
    /// Rows, columns, inner: a single number, less than a vector, one more than a block, a real layer's
    /// shape.
    private static let shapes = [
        (1, 1, 1), (1, 7, 5), (3, 1, 17), (5, 6, 1), (16, 16, 16), (17, 33, 9), (2, 527, 96), (65, 31, 70),
        (110, 96, 32),
    ]

    @Test(arguments: shapes, [Float(0), 1])
    func `Both products match their definition, inside wider planes`(shape: (Int, Int, Int), beta: Float) {
        SGEMM.prepare()
        let (rows, columns, inner) = shape
        var random = SeededGenerator(seed: UInt64(rows * columns + inner))
        let aStride = inner + 3, bStride = inner + 1, bTurnedStride = columns + 2, cStride = columns + 5
        let a = random.floats(rows * aStride)
        let b = random.floats(columns * bStride)
        var bTurned = random.floats(inner * bTurnedStride)
        for column in 0..<columns {
            for k in 0..<inner { bTurned[k * bTurnedStride + column] = b[column * bStride + k] }
        }
        let before = random.floats(rows * cStride)
        var transposed = before, plain = before
        SGEMM.multiplyTransposed(
            rows: rows, columns: columns, inner: inner, alpha: 0.75, a, stride: aStride, b, stride: bStride,
            beta: beta, &transposed, stride: cStride)
        SGEMM.multiply(
            rows: rows, columns: columns, inner: inner, alpha: 0.75, a, stride: aStride, bTurned,
            stride: bTurnedStride, beta: beta, &plain, stride: cStride)
        var wanted = before.map { Double($0) }
        for row in 0..<rows {
            for column in 0..<columns {
                var sum = 0.0
                for k in 0..<inner { sum += Double(a[row * aStride + k]) * Double(b[column * bStride + k]) }
                wanted[row * cStride + column] = 0.75 * sum + Double(beta * before[row * cStride + column])
            }
        }
        // The columns between the rows' ends and their strides are part of the comparison.
        #expect(largestDifference(transposed, wanted) < 1e-5)
        #expect(largestDifference(plain, wanted) < 1e-5)
    }
}
