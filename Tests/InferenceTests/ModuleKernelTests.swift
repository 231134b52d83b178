import Glibc
import TestSupport
import Testing

@testable import Inference

/// Compares the kernels of adapters' modules, of every instruction set, with double precision.
@Suite struct ModuleKernelTests {
    static let sets = ReferenceKernels.available

    private static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    @Test(arguments: sets) func `QuickGELU is exact to rounding for every remainder`(_ set: String) throws {
        let kernels = try #require(Kernels(named: set))
        var random = SeededGenerator(seed: 1)
        for count in 1...40 {
            let x = random.floats(count, in: -12...12)
            var y = x
            kernels.quickGELU(&y, count: count)
            let exact = x.map { Double($0) * Self.sigmoid(1.702 * Double($0)) }
            #expect(largestDifference(y, exact) < 3e-6)
        }
        var extremes: [Float] = [-1e30, 1e30, .nan]
        kernels.quickGELU(&extremes, count: 3)
        #expect(extremes[0].magnitude < 1e-6 && extremes[1] == 1e30 && extremes[2].isNaN)
    }

    @Test(arguments: sets) func `The gated linear unit is exact for every remainder`(_ set: String) throws {
        let kernels = try #require(Kernels(named: set))
        var random = SeededGenerator(seed: 2)
        for width in 1...40 {
            let x = random.floats(3 * 2 * width, in: -6...6)
            var y = [Float](repeating: .nan, count: 3 * width)
            kernels.gate(x, into: &y, rows: 3, width: width)
            let exact = y.indices.map { index in
                let row = index / width * 2 * width
                return Double(x[row + index % width])
                    * Self.sigmoid(Double(x[row + width + index % width]))
            }
            #expect(largestDifference(y, exact) < 3e-6)
        }
    }

    @Test(arguments: sets, [1, 2, 3, 8, 31, 40])
    func `The convolution along tokens pads as PyTorch's "same"`(set: String, kernel: Int) throws {
        let kernels = try #require(Kernels(named: set))
        var random = SeededGenerator(seed: 3)
        let left = (kernel - 1) / 2
        for (tokens, width) in [(1, 5), (40, 5), (41, 16), (7, 33)] {
            let x = random.floats(tokens * width)
            let taps = random.floats(kernel * width)
            let bias = random.floats(width)
            for rows in [0..<tokens, tokens / 3..<tokens / 2, tokens - 1..<tokens] {
                var y = [Float](repeating: .nan, count: rows.count * width)
                kernels.convolve(
                    x, tokens: tokens, width: width, taps: taps, bias: bias, kernel: kernel, left: left,
                    rows: rows, into: &y)
                let exact = rows.flatMap { row in
                    (0..<width).map { channel in
                        let sum = (0..<kernel).reduce(Double(bias[channel])) { sum, tap in
                            let from = row + tap - left
                            guard (0..<tokens).contains(from) else { return sum }
                            return sum + Double(x[from * width + channel])
                                * Double(taps[tap * width + channel])
                        }
                        return sum * Self.sigmoid(sum)
                    }
                }
                #expect(largestDifference(y, exact) < 1e-5)
            }
        }
    }

    @Test(arguments: sets)
    func `Softmax and exponentials are exact for every remainder`(_ set: String) throws {
        let kernels = try #require(Kernels(named: set))
        var random = SeededGenerator(seed: 4)
        for width in 1...70 {
            let x = random.floats(2 * width, in: -20...20)
            var (weights, shares) = (x, x)
            var maxima: [Float] = [0, 0], sums: [Float] = [0, 0]
            kernels.exponentials(&weights, rows: 2, width: width, maxima: &maxima, sums: &sums)
            kernels.softmax(&shares, rows: 2, width: width)
            for row in 0..<2 {
                let values = x[row * width..<(row + 1) * width].map { Double($0) }
                let maximum = values.max() ?? 0
                let exact = values.map { exp($0 - maximum) }
                let sum = exact.reduce(0, +)
                #expect(maxima[row] == Float(maximum))
                #expect(abs(Double(sums[row]) - sum) < 1e-5 * sum)
                let own = row * width..<(row + 1) * width
                #expect(largestDifference(weights[own], exact) < 1e-6)
                #expect(largestDifference(shares[own], exact.map { $0 / sum }) < 1e-6)
            }
        }
        var invalid: [Float] = [1, .nan, 2]
        kernels.softmax(&invalid, rows: 1, width: 3)
        #expect(invalid.allSatisfy { $0.isNaN }, "a broken weight must be visible in the logits")
    }

    @Test(arguments: sets) func `Rows are divided by their length`(_ set: String) throws {
        let kernels = try #require(Kernels(named: set))
        var random = SeededGenerator(seed: 5)
        for width in 1...40 {
            let x = random.floats(2 * width)
            var y = x
            kernels.normalise(&y, rows: 2, width: width, epsilon: 1e-3)
            for row in 0..<2 {
                let values = x[row * width..<(row + 1) * width].map { Double($0) }
                let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot() + 1e-3
                #expect(
                    largestDifference(y[row * width..<(row + 1) * width], values.map { $0 / length }) < 1e-6)
            }
        }
    }
}
