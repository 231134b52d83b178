import Glibc
import Testing

@testable import Inference

/// Compares the kernels of every instruction set of this processor with double precision.
@Suite struct KernelTests {
    static let sets = ["baseline", "avx2", "avx512"].filter { Kernels(named: $0) != nil }

    @Test func `The baseline kernels exist everywhere and unknown ones nowhere`() {
        #expect(Kernels(named: "baseline")?.name == "baseline")
        #expect(Kernels(named: "none") == nil)
    }

    @Test(arguments: sets) func `GELU is exact to rounding for every remainder`(_ set: String) throws {
        let kernels = try #require(Kernels(named: set))
        for count in 1...40 {
            var values = (0..<count).map { Float($0 % 23) * 0.7 - 8 }
            let expected = values.map { 0.5 * Double($0) * erfc(-Double($0) / 2.0.squareRoot()) }
            values.withUnsafeMutableBufferPointer {
                if let start = $0.baseAddress { kernels.gelu(start, count: count) }
            }
            for (value, exact) in zip(values, expected) { #expect(abs(Double(value) - exact) < 1e-6) }
        }
        var extremes: [Float] = [-1e30, -50, 50, 1e30, .nan]
        extremes.withUnsafeMutableBufferPointer {
            if let start = $0.baseAddress { kernels.gelu(start, count: 5) }
        }
        #expect(extremes[1].magnitude < 1e-6 && extremes[2] == 50 && extremes[3] == 1e30)
        #expect(extremes[4].isNaN)
    }

    @Test(arguments: sets) func `LayerNorm is exact to rounding for every remainder`(_ set: String) throws {
        let kernels = try #require(Kernels(named: set))
        for width in 2...40 {
            let x = (0..<width).map { Float(($0 * 29) % 31) + 100 }
            let gain = (0..<width).map { Float($0 % 5) - 2 }
            let bias = (0..<width).map { Float($0 % 3) }
            var y = [Float](repeating: 0, count: width)
            kernels.layerNorm(x, gain: gain, bias: bias, epsilon: 1e-6, into: &y, rows: 1, width: width)
            let mean = x.reduce(0.0) { $0 + Double($1) } / Double(width)
            let variance = x.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(width)
            for index in 0..<width {
                let exact =
                    (Double(x[index]) - mean) / (variance + 1e-6).squareRoot() * Double(gain[index])
                    + Double(bias[index])
                #expect(abs(Double(y[index]) - exact) < 1e-4)
            }
        }
    }

    @Test(arguments: [1, 2, 3, 5]) func `Workers share items without loss or repeat`(_ count: Int) throws {
        let pool = try WorkerPool(count: count)
        for _ in 0..<200 {
            let done = UnsafeMutableBufferPointer<Int>.allocate(capacity: 37)
            defer { done.deallocate() }
            done.initialize(repeating: 0)
            nonisolated(unsafe) let marks = done
            pool.distribute(37) { _, item in marks[item] += 1 }
            #expect(done.allSatisfy { $0 == 1 })
        }
    }
}
