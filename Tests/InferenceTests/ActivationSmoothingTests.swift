import TestSupport
import Testing

@testable import Inference

@Suite struct ActivationSmoothingTests {
    @Test func `An outlying channel's factor is the root of its range over that of its weights`() {
        let smoothing = ActivationSmoothing(
            produced: [2, 32, 2, 18, 8, 2, 2, 2], read: [2, 2, 32, 2, 2, 2, 2, 2])
        #expect(smoothing.factors == [1, 4, 0.25, 3, 1, 1, 1, 1], "4 times the usual range is not outlying")
        #expect(smoothing.inverse.factors == [1, 0.25, 4, 1 / 3, 1, 1, 1, 1])
    }

    @Test func `NaN, infinite and zero channels have a factor of 1`() {
        func factors(_ produced: [Float], _ read: [Float]) -> [Float] {
            ActivationSmoothing(produced: produced, read: read).factors
        }
        #expect(factors([.nan, 1, .infinity, 1], [1, 1, 1, .nan]) == [1, 1, 1, 1])
        #expect(factors([0, 1, 1], [1, 0, 1]) == [1, 1, 1])
        #expect(factors([0, 0], [0, 0]) == [1, 1])
        #expect(factors([], []).isEmpty)
    }

    @Test func `Different factors have different fingerprints`() {
        let ones = [Float](repeating: 1, count: 20)
        let one = ActivationSmoothing(factors: ones)
        let other = ActivationSmoothing(factors: [9] + ones.dropFirst())
        #expect(one.fingerprint == ActivationSmoothing(factors: ones).fingerprint)
        #expect(one.fingerprint != other.fingerprint)
        #expect(
            MatrixSmoothing(inputs: one).fingerprint != MatrixSmoothing(outputs: one).fingerprint,
            "factors of columns are not those of rows")
    }

    @Test func `Ranges are computed from the weights`() throws {
        var gain: [Float] = [1, -2], offset: [Float] = [0.5, -4], bias: [Float] = [1, 0]
        var weights: [Float] = [3, 2, 0, -1]
        func tensor(_ values: inout [Float], _ shape: [Int]) throws -> Tensor {
            let copy = UnsafeMutablePointer<Float>.allocate(capacity: values.count)
            copy.initialize(from: values, count: values.count)
            return Tensor(pointer: copy, shape: shape)
        }
        let (gains, offsets) = (try tensor(&gain, [2]), try tensor(&offset, [2]))
        let (matrix, biases) = (try tensor(&weights, [2, 2]), try tensor(&bias, [2]))
        defer { for tensor in [gains, offsets, matrix, biases] { tensor.pointer.deallocate() } }
        #expect(ChannelRange.outputs(gain: gains, offset: offsets) == [3.5, 10])
        // Rows (3, 2) and (0, -1) of channels with deviations 1 and 2, means 0.5 and -4.
        let outputs = ChannelRange.outputs(of: matrix, bias: biases, gain: gains, offset: offsets)
        let wanted: [Float] = [20.5, 10]
        #expect(outputs == wanted, "3 x 5 + 5.5 and 3 x 2 + 4")
        // Relative to the rows' mean squares, 6.5 and 0.5: columns (9 / 6.5, 0) and (4 / 6.5, 2).
        let columns = ChannelRange.columns(of: [matrix])
        let (first, second): (Float, Float) = (0.8320503, 1.1435437)
        #expect(abs(columns[0] - first) < 1e-6)
        #expect(abs(columns[1] - second) < 1e-6)
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
        func error(_ smoothing: MatrixSmoothing) throws -> Double {
            let packed = try weights.withUnsafeMutableBufferPointer {
                try PackedMatrix(
                    Tensor(pointer: try #require($0.baseAddress), shape: [outputs, inputs]), smoothing,
                    for: "test", gemm)
            }
            let memory = UnsafeMutableRawPointer.allocate(
                byteCount: QuantizedRows.byteCount(rows: rows, width: inputs, gemm), alignment: 64)
            defer { memory.deallocate() }
            let quantized = QuantizedRows(memory: memory, rows: rows, width: inputs, gemm)
            let divided = x.indices.map { x[$0] / (smoothing.inputs?.factors[$0 % inputs] ?? 1) }
            gemm.quantize(divided, rows: rows, width: inputs, into: quantized)
            var y = [Float](repeating: .nan, count: rows * outputs)
            packed.multiply(quantized, rows: rows, bias: nil, into: &y, then: .store)
            return zip(exact, y).reduce(0) { $0 + abs($1.0 - Double($1.1)) } / Double(y.count)
        }
        let flat = [Float](repeating: 1, count: inputs)
        let smoothing = ActivationSmoothing(produced: gain, read: flat)
        #expect(try error(MatrixSmoothing(inputs: smoothing)) < error(.none) / 2)
    }
}
