import GoldenSupport
import Testing

@testable import Inference

@Suite struct SoftmaxKernelTests {
    private static let bad: [Float] = [
        .nan, -.nan, Float(bitPattern: 0x7FC0_0001), Float(bitPattern: 0x7FC0_0155), Float(bitPattern: .max),
    ]

    /// Exponentials and sums of rows, in a plane with room to the right.
    private static func run(
        _ kernels: Kernels, _ rows: [[Float]], scale: Float, gap: Int = 3
    ) -> (plane: GuardedPlane, sums: [Float]) {
        let columns = rows.first?.count ?? 0
        var plane = GuardedPlane(rows, stride: columns + gap)
        var sums = [Float](repeating: 0, count: rows.count)
        plane.withPlane { x in
            kernels.expRows(
                x, sums: &sums, rows: rows.count, columns: columns, stride: columns + gap, scale: scale)
        }
        return (plane, sums)
    }

    @Test(arguments: KernelTwins.available)
    func `Exponentials and their sums are their definition at every width and stride`(set: String) throws {
        let kernels = try #require(Kernels(named: set))
        var random = SeededGenerator(seed: 31)
        for columns in Array(1...70) + [110, 146, 257] {
            for gap in [0, 1, 13] {
                let rows = [random.floats(columns, in: -8...8), random.floats(columns, in: 40...200)]
                let scale = 1 / Float(columns % 9 + 1)
                let (plane, sums) = Self.run(kernels, rows, scale: scale, gap: gap)
                for (index, row) in rows.enumerated() {
                    let wanted = KernelTwins.exponentials(row, scale: scale)
                    #expect(largestDifference(plane.row(index), wanted) < 5e-7, "\(columns) columns")
                    let total = wanted.reduce(0, +)
                    #expect(abs(Double(sums[index]) - total) < 1e-6 * total, "\(columns) columns")
                }
                #expect(plane.isIntactOutside, "\(columns) columns, \(gap) between")
            }
        }
    }

    @Test(arguments: KernelTwins.available)
    func `Extreme scores stay numbers and sum up`(set: String) throws {
        let kernels = try #require(Kernels(named: set))
        let extremes: [[Float]] = [
            [.greatestFiniteMagnitude, -.greatestFiniteMagnitude, 0], [1e30, 1e30, -1e30], [0, 0, 0],
            [-1e30, -1e30, -1e30], [.leastNormalMagnitude, 0, -.leastNonzeroMagnitude], [88, -88, 0],
            [1000, 999, -1000],
        ]
        for padding in 0..<34 {
            // The same three numbers at every place of a vector.
            let rows = extremes.map { row in
                [Float](repeating: row[2], count: padding) + row
                    + [Float](repeating: row[1], count: 33 - padding)
            }
            let (plane, sums) = Self.run(kernels, rows, scale: 0.125)
            for (index, row) in rows.enumerated() {
                let wanted = KernelTwins.exponentials(row, scale: 0.125)
                #expect(largestDifference(plane.row(index), wanted) < 5e-7, "row \(index), \(padding)")
                #expect(sums[index] >= 1 && sums[index] < 37)
            }
        }
    }

    @Test(arguments: KernelTwins.available)
    func `What is not a number stays none in softmax, whatever its bits`(set: String) throws {
        let kernels = try #require(Kernels(named: set))
        for bad in Self.bad {
            for columns in 1...40 {
                for position in [0, columns / 2, columns - 1] {
                    var row = [Float](repeating: 0.5, count: columns)
                    row[position] = bad
                    let (plane, sums) = Self.run(kernels, [row], scale: 0.25)
                    #expect(
                        plane.row(0).dropFirst(position).first?.isNaN == true && sums[0].isNaN,
                        "bits \(String(bad.bitPattern, radix: 16)) at \(position) of \(columns)")
                }
            }
        }
    }

    @Test(arguments: KernelTwins.available)
    func `What is not a number stays none in GELU and LayerNorm, whatever its bits`(set: String) throws {
        let kernels = try #require(Kernels(named: set))
        for bad in Self.bad {
            for count in 1...40 {
                var values = [Float](repeating: -0.5, count: count)
                values[count / 2] = bad
                var normed = values
                kernels.layerNorm(
                    values, gain: values.map { _ in 1 }, bias: values.map { _ in 0 }, epsilon: 1e-12,
                    into: &normed, rows: 1, width: count)
                kernels.gelu(&values, count: count)
                #expect(values.indices.allSatisfy { values[$0].isNaN == ($0 == count / 2) })
                #expect(normed.allSatisfy { $0.isNaN })
            }
        }
    }
}
