import GoldenSupport
import Testing

@testable import Inference

@Suite struct Int8KernelTests {
    private static let available = ["baseline", "avx2", "avx512vnni"].filter { Int8Kernels(named: $0) != nil }
    /// Rows, inputs, outputs: whole tiles and panels, and every kind of rest.
    private static let shapes = [
        (1, 4, 64), (6, 64, 128), (7, 33, 70), (13, 50, 1), (2, 768, 65), (20, 5, 200),
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

        func packed() throws -> PackedMatrix {
            var w = w
            return try w.withUnsafeMutableBufferPointer { buffer in
                try PackedMatrix(
                    Tensor(pointer: try #require(buffer.baseAddress), shape: [outputs, inputs]), for: "test")
            }
        }

        /// y = start + x Wᵀ + b of one set of kernels.
        ///
        /// - Parameter quantiser: Whose rows are multiplied, where they are another's.
        func result(
            _ kernels: Int8Kernels, start: Float?, quantiser: Int8Kernels? = nil
        ) throws -> [Float] {
            let bytes = QuantisedRows.byteCount(rows: rows, width: inputs)
            let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
            defer { memory.deallocate() }
            let quantised = QuantisedRows(memory: memory, rows: rows, width: inputs)
            var y = [Float](repeating: start ?? .nan, count: rows * outputs + 5)
            (quantiser ?? kernels).quantise(x, rows: rows, width: inputs, into: quantised)
            kernels.multiply(
                quantised, rows: rows, try packed(), bias: bias, into: &y, accumulate: start != nil)
            let guards = y[(rows * outputs)...]
            #expect(guards.allSatisfy { start == nil ? $0.isNaN : $0 == start }, "nothing behind the end")
            return Array(y.prefix(rows * outputs))
        }

        func exact(row: Int, output: Int) -> Double {
            (0..<inputs).reduce(Double(bias[output])) {
                $0 + Double(x[row * inputs + $1]) * Double(w[output * inputs + $1])
            }
        }

        /// What rounding weights to 1/127 of the largest and activations to a step of their range can do.
        func tolerance(levels: Int) -> Double {
            let step = 4.0 / Double(levels) / 2 * 0.2 + 3.0 * 0.2 / 127 / 2
            return step * Double(inputs).squareRoot() * 4 + 1e-5
        }
    }

    @Test(arguments: available, shapes)
    func `A product is within its rounding of the exact one, added or not`(
        name: String, shape: (Int, Int, Int)
    ) throws {
        let kernels = try #require(Int8Kernels(named: name))
        let product = Product(shape, seed: 5)
        let fresh = try product.result(kernels, start: nil)
        let added = try product.result(kernels, start: 2)
        for row in 0..<product.rows {
            for output in 0..<product.outputs {
                let exact = product.exact(row: row, output: output)
                let found = Double(fresh[row * product.outputs + output])
                #expect(abs(found - exact) <= product.tolerance(levels: kernels.levels), "\(row), \(output)")
                #expect(abs(Double(added[row * product.outputs + output]) - found - 2) < 1e-5)
            }
        }
    }

    @Test(arguments: available, shapes)
    func `Every set is the plain twin, integer for integer`(name: String, shape: (Int, Int, Int)) throws {
        let plain = try #require(Int8Kernels(named: "baseline"))
        let kernels = try #require(Int8Kernels(named: name))
        let product = Product(shape, seed: 6)
        // The same integers of the same rows; their scaling may be rounded once instead of twice.
        let difference = largestDifference(
            try product.result(kernels, start: nil),
            try product.result(plain, start: nil, quantiser: kernels))
        #expect(difference < 2e-6 * Float(product.inputs))
    }

    @Test(arguments: available)
    func `Rows that are all one value, and rows with what is no number`(name: String) throws {
        let kernels = try #require(Int8Kernels(named: name))
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: QuantisedRows.byteCount(rows: 4, width: 8), alignment: 64)
        defer { memory.deallocate() }
        var x = [Float](repeating: 0.75, count: 32)
        x[13] = .nan
        x[20] = .infinity
        var w = [Float](repeating: 0.5, count: 8)
        let packed = try w.withUnsafeMutableBufferPointer {
            try PackedMatrix(Tensor(pointer: try #require($0.baseAddress), shape: [1, 8]), for: "test")
        }
        let quantised = QuantisedRows(memory: memory, rows: 4, width: 8)
        var y = [Float](repeating: 0, count: 4)
        kernels.quantise(x, rows: 4, width: 8, into: quantised)
        kernels.multiply(quantised, rows: 4, packed, bias: nil, into: &y, accumulate: false)
        #expect(abs(y[0] - 3) < 1e-5 && abs(y[3] - 3) < 1e-5)
        #expect(!y[1].isFinite && !y[2].isFinite)
    }

    /// 8 bits are no fp32: on these models, whose layers are far narrower than real ones, a logit moves by a few
    /// hundredths of the logits' size.
    @Test(arguments: try Golden.load().cases.filter { $0.clip == "clips/speech.wav" })
    func `In 8 bits the logits stay near the oracle's`(_ golden: Golden.Case) throws {
        let base = try BaseModel(directory: Golden.path(golden.model), precision: .int8)
        let network =
            try golden.adapter.map { try base.adapted(by: try LoRAAdapter(directory: Golden.path($0))) }
            ?? base.network
        #expect(network.precision == .int8)
        let engine = Engine(threads: 2)
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
