import TestSupport
import Testing

@testable import Inference

@Suite struct QuantizedGEMMTests {
    private static let available = [
        "plain", "plainpairs", "avx2", "avx2exact", "avxvnni", "avx512vl", "avx512vnni", "bf16plain",
        "avx512bf16",
    ]
    .filter { QuantizedGEMM(named: $0) != nil }
    /// Rows, inputs, outputs: whole tiles and panels, and every kind of remainder.
    private static let shapes = [
        (1, 4, 64), (6, 64, 128), (7, 33, 70), (13, 50, 1), (2, 768, 65), (20, 5, 200), (1, 1, 1),
        (9, 17, 15),
        (48, 12, 17), (5, 96, 31),
    ]

    private struct Product {
        let rows: Int
        let inputs: Int
        let outputs: Int
        let x: [Float]
        let w: [Float]
        let bias: [Float]

        init(_ shape: (Int, Int, Int), seed: UInt64) {
            (rows, inputs, outputs) = shape
            var random = SeededGenerator(seed: seed)
            x = random.floats(rows * inputs, in: -1...3)
            w = random.floats(outputs * inputs, in: -0.2...0.1)
            bias = random.floats(outputs)
        }

        func packed(_ gemm: QuantizedGEMM) throws -> PackedMatrix {
            var w = w
            return try w.withUnsafeMutableBufferPointer { buffer in
                let tensor = Tensor(pointer: try #require(buffer.baseAddress), shape: [outputs, inputs])
                return try PackedMatrix(tensor, for: "test", gemm)
            }
        }

        /// The result of one set of kernels, in a y that held `start`.
        ///
        /// - Parameter quantizer: The kernels that quantise the rows; `nil`: the same.
        func result(
            _ gemm: QuantizedGEMM, start: Float, then epilogue: Epilogue,
            quantizer: QuantizedGEMM? = nil
        ) throws -> [Float] {
            let quantizer = quantizer ?? gemm
            let bytes = QuantizedRows.byteCount(rows: rows, width: inputs, quantizer)
            let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
            defer { memory.deallocate() }
            let quantized = QuantizedRows(memory: memory, rows: rows, width: inputs, quantizer)
            var y = [Float](repeating: start, count: rows * outputs + 5)
            quantizer.quantize(x, rows: rows, width: inputs, into: quantized)
            try packed(gemm).multiply(quantized, rows: rows, bias: bias, into: &y, then: epilogue)
            let guards = y[(rows * outputs)...]
            #expect(guards.allSatisfy { start.isNaN ? $0.isNaN : $0 == start }, "nothing behind the end")
            return Array(y.prefix(rows * outputs))
        }

        func exact(row: Int, output: Int) -> Double {
            (0..<inputs).reduce(Double(bias[output])) {
                $0 + Double(x[row * inputs + $1]) * Double(w[output * inputs + $1])
            }
        }

        /// The error of rounding weights to 1/127 of the largest and activations to a step of their range,
        /// or, in bfloat16, of rounding both to eight significant bits.
        func tolerance(levels: Int) -> Double {
            let step =
                levels > 0 ? 4.0 / Double(levels) / 2 * 0.2 + 3.0 * 0.2 / 127 / 2 : 3.0 * 0.2 * 2 / 256
            return step * Double(inputs).squareRoot() * 4 + 1e-5
        }
    }

    @Test(arguments: available, shapes)
    func `A result is exact within its rounding, stored, added or activated`(
        name: String, shape: (Int, Int, Int)
    ) throws {
        let gemm = try #require(QuantizedGEMM(named: name))
        let product = Product(shape, seed: 5)
        let fresh = try product.result(gemm, start: .nan, then: .store)
        let added = try product.result(gemm, start: 2, then: .add)
        let activated = try product.result(gemm, start: .nan, then: .gelu)
        for row in 0..<product.rows {
            for output in 0..<product.outputs {
                let exact = product.exact(row: row, output: output)
                let index = row * product.outputs + output
                let found = Double(fresh[index])
                #expect(abs(found - exact) <= product.tolerance(levels: gemm.levels), "\(row), \(output)")
                #expect(abs(Double(added[index]) - found - 2) < 1e-5)
                let rounding = 6e-5 + 1.5e-5 * Double(abs(fresh[index]))
                #expect(abs(Double(activated[index]) - ReferenceKernels.gelu(fresh[index])) < rounding)
            }
        }
    }

    @Test(arguments: available, shapes)
    func `Every set matches its reference kernel, integer for integer`(name: String, shape: (Int, Int, Int))
        throws
    {
        let gemm = try #require(QuantizedGEMM(named: name))
        let plain = try #require(gemm.reference)
        let product = Product(shape, seed: 6)
        // The same rows and weights; only their scaling or the order of sums may round differently.
        let difference = largestDifference(
            try product.result(gemm, start: .nan, then: .store),
            try product.result(
                plain, start: .nan, then: .store,
                quantizer: gemm.levels == plain.levels ? plain : gemm))
        #expect(difference < 2e-6 * Float(product.inputs))
    }

    @Test(arguments: available)
    func `Activations of any magnitude keep their sign and magnitude`(name: String) throws {
        let gemm = try #require(QuantizedGEMM(named: name))
        var x: [Float] = [-1e30, -100, -5, -4.25, -1e-3, 0, 1e-3, 4.25, 5, 100, 1e30]
        var one: [Float] = [1]
        let packed = try one.withUnsafeMutableBufferPointer {
            try PackedMatrix(
                Tensor(pointer: try #require($0.baseAddress), shape: [1, 1]), for: "test", gemm)
        }
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: QuantizedRows.byteCount(rows: x.count, width: 1, gemm), alignment: 64)
        defer { memory.deallocate() }
        let quantized = QuantizedRows(memory: memory, rows: x.count, width: 1, gemm)
        gemm.quantize(x, rows: x.count, width: 1, into: quantized)
        packed.multiply(quantized, rows: x.count, bias: nil, into: &x, then: .gelu)
        #expect(x.prefix(3).allSatisfy { abs($0) < 2e-4 || $0 > -1e27 && $0 < 0 })
        #expect(abs(x[5]) < 1e-6 && abs(x[8] - 5) < 0.03 && abs(x[9] - 100) < 0.5)
        #expect(abs(x[10] / 1e30 - 1) < 0.01)
    }

    @Test(arguments: available)
    func `Constant rows are exact, and rows with NaN or infinity are visible`(name: String) throws {
        let gemm = try #require(QuantizedGEMM(named: name))
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: QuantizedRows.byteCount(rows: 4, width: 8, gemm), alignment: 64)
        defer { memory.deallocate() }
        var x = [Float](repeating: 0.75, count: 32)
        x[13] = .nan
        x[20] = .infinity
        // No set rounds weights when every other one is zero.
        var w = (0..<8).map { $0 % 2 == 0 ? Float(0.5) : 0 }
        let packed = try w.withUnsafeMutableBufferPointer {
            try PackedMatrix(
                Tensor(pointer: try #require($0.baseAddress), shape: [1, 8]), for: "test", gemm)
        }
        let quantized = QuantizedRows(memory: memory, rows: 4, width: 8, gemm)
        var y = [Float](repeating: 0, count: 4)
        gemm.quantize(x, rows: 4, width: 8, into: quantized)
        packed.multiply(quantized, rows: 4, bias: nil, into: &y, then: .store)
        #expect(abs(y[0] - 1.5) < 5e-6)
        #expect(abs(y[3] - 1.5) < 5e-6)
        #expect(!y[1].isFinite && !y[2].isFinite)
    }

    @Test(arguments: available, [Float.nan, .infinity, -.infinity])
    func `A NaN or infinite weight is visible in its output only`(name: String, broken: Float) throws {
        let gemm = try #require(QuantizedGEMM(named: name))
        var w = [Float](repeating: 0.5, count: 3 * 40)
        w[40 + 17] = broken
        let packed = try w.withUnsafeMutableBufferPointer {
            try PackedMatrix(
                Tensor(pointer: try #require($0.baseAddress), shape: [3, 40]), for: "test", gemm)
        }
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: QuantizedRows.byteCount(rows: 2, width: 40, gemm), alignment: 64)
        defer { memory.deallocate() }
        let quantized = QuantizedRows(memory: memory, rows: 2, width: 40, gemm)
        let x = (0..<80).map { Float($0 % 7) }
        gemm.quantize(x, rows: 2, width: 40, into: quantized)
        var y = [Float](repeating: 0, count: 6)
        packed.multiply(quantized, rows: 2, bias: nil, into: &y, then: .store)
        #expect(!y[1].isFinite && !y[4].isFinite)
        #expect([0, 2, 3, 5].allSatisfy { y[$0].isFinite })
    }

    /// On these models, whose layers have far fewer channels than real ones, int8 and bf16 change a logit by
    /// a few hundredths of the logits' size.
    @Test(
        arguments: try Golden.load().cases.filter { $0.clip == "clips/speech.wav" },
        [Precision.bf16, .int8].filter { QuantizedGEMM($0) != nil })
    func `In int8 and bf16 the logits stay near those of transformers`(
        _ golden: Golden.Case, _ precision: Precision
    ) throws {
        let base = try BaseModel(directory: Golden.path(golden.model), precision: precision)
        let network =
            try golden.adapter.map { try base.adapted(by: try Adapter(directory: Golden.path($0))) }
            ?? base.network
        #expect(network.precision == precision)
        let engine = try Engine(threads: 2)
        engine.prepare(for: [network])
        var logits = [Float](repeating: .nan, count: network.config.labels.count)
        try golden.referenceFeatures().withUnsafeBufferPointer { features in
            logits.withUnsafeMutableBufferPointer { engine.classify(network, features, logits: $0) }
        }
        let wanted = try ArrayFile(golden: golden.reference).floats("logits")
        let size = (wanted.reduce(0) { $0 + $1 * $1 } / Float(wanted.count)).squareRoot()
        #expect(largestDifference(logits, wanted) < 0.12 * size, "\(size)")
    }
}
