import TestSupport
import Testing

@testable import Inference

@Suite struct ActivationSmoothingTests {
    private static func smoothing(_ gain: [Float], _ bias: [Float]) throws -> ActivationSmoothing {
        var (gain, bias) = (gain, bias)
        return try gain.withUnsafeMutableBufferPointer { gain in
            try bias.withUnsafeMutableBufferPointer { bias in
                ActivationSmoothing(
                    gain: Tensor(pointer: try #require(gain.baseAddress), shape: [gain.count]),
                    bias: Tensor(pointer: try #require(bias.baseAddress), shape: [bias.count]))
            }
        }
    }

    @Test func `Outlying channels are divided by the root of their excess, other channels are unchanged`()
        throws
    {
        var gain = [Float](repeating: 0.5, count: 40)
        var bias = [Float](repeating: 0, count: 40)
        gain[3] = -8
        bias[9] = 36
        gain[20] = 0
        gain[21] = 0.01
        let factors = try Self.smoothing(gain, bias).factors
        #expect(factors[3] == 4)
        #expect(abs(factors[9] - 5) < 1e-6, "3 x 0.5 and 36 are 25 times 3 x 0.5")
        #expect(factors.indices.filter { factors[$0] == 1 }.count == 38)
    }

    @Test func `NaN, infinite and zero channels have a factor of 1`() throws {
        #expect(try Self.smoothing([.nan, 1, .infinity, 1], [0, 0, 0, .nan]).factors == [1, 1, 1, 1])
        #expect(try Self.smoothing([0, 0], [0, 0]).factors == [1, 1])
    }

    @Test func `Different factors have different fingerprints`() throws {
        let ones = [Float](repeating: 1, count: 20), zeros = [Float](repeating: 0, count: 20)
        let one = try Self.smoothing(ones, zeros), other = try Self.smoothing(ones, [9] + zeros.dropFirst())
        #expect(try one.fingerprint == Self.smoothing(ones, zeros).fingerprint)
        #expect(one.fingerprint != other.fingerprint)
    }

    /// Multiplies normalised rows in which a few channels have twenty times the others' gain.
    @Test(
        arguments: ["plain", "avx2", "avx2exact", "avxvnni", "avx512vl", "avx512vnni"].filter {
            QuantizedGEMM(named: $0) != nil
        })
    func `Smoothing reduces the error of int8 where channels are outlying`(name: String) throws {
        let gemm = try #require(QuantizedGEMM(named: name))
        let (rows, inputs, outputs) = (20, 96, 70)
        var random = SeededGenerator(seed: 4)
        let normal = random.floats(rows * inputs, in: -2...2)
        var weights = random.floats(outputs * inputs)
        let gain = (0..<inputs).map { Float($0 % 32 == 5 ? 20 : 1) }
        let x = normal.indices.map { normal[$0] * gain[$0 % inputs] }
        var exact: [Double] = []
        for row in 0..<rows {
            for output in 0..<outputs {
                var sum = 0.0
                for input in 0..<inputs {
                    sum += Double(x[row * inputs + input]) * Double(weights[output * inputs + input])
                }
                exact.append(sum)
            }
        }
        func error(_ smoothing: ActivationSmoothing?) throws -> Double {
            let packed = try weights.withUnsafeMutableBufferPointer {
                try PackedMatrix(
                    Tensor(pointer: try #require($0.baseAddress), shape: [outputs, inputs]), smoothing,
                    for: "test", gemm)
            }
            let memory = UnsafeMutableRawPointer.allocate(
                byteCount: QuantizedRows.byteCount(rows: rows, width: inputs, gemm), alignment: 64)
            defer { memory.deallocate() }
            let quantized = QuantizedRows(memory: memory, rows: rows, width: inputs, gemm)
            let divided = x.indices.map { x[$0] / (smoothing?.factors[$0 % inputs] ?? 1) }
            gemm.quantize(divided, rows: rows, width: inputs, into: quantized)
            var y = [Float](repeating: .nan, count: rows * outputs)
            packed.multiply(quantized, rows: rows, bias: nil, into: &y, then: .store)
            return zip(exact, y).reduce(0) { $0 + abs($1.0 - Double($1.1)) } / Double(y.count)
        }
        let smoothing = try Self.smoothing(gain, [Float](repeating: 0, count: inputs))
        #expect(try error(smoothing) < error(nil) / 2)
    }
}
