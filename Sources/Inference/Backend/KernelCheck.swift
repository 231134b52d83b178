/// Compares the kernels chosen for this processor with their reference kernels, to detect a fault of the
/// build, of the processor, or of a virtual machine that claims instructions it does not have, before scores
/// are wrong.
public struct KernelCheck: Sendable {
    public let name: String
    /// The largest difference found.
    public let difference: Double
    /// The largest difference allowed.
    public let tolerance: Double

    /// Whether the difference is allowed; NaN is not.
    public var holds: Bool { difference <= tolerance }

    /// Runs all checks for a precision; takes a few milliseconds.
    public static func all(for precision: Precision) -> [KernelCheck] {
        var checks = [elementwise(), attention(precision)]
        if precision != .fp32 { checks.append(floatGEMM(.byRows)) }
        if let gemm = QuantizedGEMM(precision) {
            checks.append(self.gemm(gemm))
            if gemm.hasPairLimit { checks.append(self.gemm(gemm.withoutPairLimit)) }
        }
        return checks
    }

    /// Pseudo-random numbers in -1...1, the same on every machine.
    private static func numbers(_ count: Int, seed: UInt32) -> [Float] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return Float(state >> 8) / Float(1 << 23) - 1
        }
    }

    private static func largest(_ a: [Float], _ b: [Float]) -> Double {
        var largest = 0.0
        for (x, y) in zip(a, b) {
            let difference = abs(Double(x) - Double(y))
            if !(difference <= largest) { largest = difference }
        }
        return largest
    }

    private static func elementwise() -> KernelCheck {
        let (rows, width) = (3, 75)
        let x = numbers(rows * width, seed: 1).map { $0 * 4 }
        let (gain, bias) = (numbers(width, seed: 2), numbers(width, seed: 3))
        func run(_ kernels: Kernels?) -> [Float] {
            var y = [Float](repeating: .nan, count: rows * width)
            kernels?.layerNorm(
                x, gain: gain, bias: bias, epsilon: 1e-12, into: &y, rows: rows, width: width)
            kernels?.gelu(&y, count: y.count)
            return y
        }
        let kernels = Kernels()
        return KernelCheck(
            name: "element-wise, \(kernels.name)",
            difference: largest(run(kernels), run(Kernels(named: "baseline"))), tolerance: 1e-5)
    }

    private static func gemm(_ gemm: QuantizedGEMM) -> KernelCheck {
        let (rows, inputs, outputs) = (19, 75, 141)
        let x = numbers(rows * inputs, seed: 4)
        var weights = numbers(outputs * inputs, seed: 5)
        let bias = numbers(outputs, seed: 6)
        func run(_ set: QuantizedGEMM?) -> [Float] {
            // Kernels store rows in their own way, but with as many levels the values are the same.
            let quantizer = set?.levels == gemm.levels ? set ?? gemm : gemm
            let size = QuantizedRows.byteCount(rows: rows, width: inputs, quantizer)
            let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
            defer { memory.deallocate() }
            let quantized = QuantizedRows(memory: memory, rows: rows, width: inputs, quantizer)
            quantizer.quantize(x, rows: rows, width: inputs, into: quantized)
            var y = [Float](repeating: .nan, count: rows * outputs)
            weights.withUnsafeMutableBufferPointer { weights in
                guard let set, let start = weights.baseAddress else { return }
                let tensor = Tensor(pointer: start, shape: [outputs, inputs])
                let packed = try? PackedMatrix(tensor, for: "the kernel check", set)
                packed?.multiply(quantized, rows: rows, bias: bias, into: &y, then: .store)
            }
            return y
        }
        return KernelCheck(
            name: "GEMM, \(gemm.name)",
            difference: largest(run(gemm), run(gemm.reference)),
            tolerance: 2e-5)
    }

    private static func floatGEMM(_ gemm: FloatGEMM) -> KernelCheck {
        let (rows, inputs, outputs) = (19, 75, 141)
        let x = numbers(rows * inputs, seed: 4)
        let weights = numbers(outputs * inputs, seed: 5)
        var found = [Float](repeating: .nan, count: rows * outputs)
        let scratch = UnsafeMutablePointer<Float>.allocate(capacity: gemm.scratchFloats)
        defer { scratch.deallocate() }
        gemm.multiply(
            x, rows: rows, weights, outputs: outputs, inputs: inputs, bias: nil, into: &found, then: .store,
            scratch: scratch)
        let wanted = found.indices.map { index in
            let (row, output) = (index / outputs * inputs, index % outputs * inputs)
            return (0..<inputs).reduce(Float(0)) { $0 + x[row + $1] * weights[output + $1] }
        }
        return KernelCheck(
            name: "GEMM in fp32, \(gemm.name)", difference: largest(found, wanted), tolerance: 2e-5)
    }

    private static func attention(_ precision: Precision) -> KernelCheck {
        let (tokens, width) = (135, 34)
        let planes = (0..<3).map { numbers(tokens * width, seed: 7 + $0) }
        func run(_ set: AttentionKernels?) -> [Float] {
            var out = [Float](repeating: .nan, count: tokens * width)
            guard let set else { return out }
            let size = set.headBytes(tokens: tokens, width: width)
            let memory = UnsafeMutableRawPointer.allocate(
                byteCount: size + set.scratchBytes(tokens: tokens, width: width), alignment: 64)
            defer { memory.deallocate() }
            let head = PackedHead(memory: memory, tokens: tokens, width: width)
            for (part, plane) in zip([AttentionKernels.Part.queries, .keys, .values], planes) {
                set.pack(part, plane, rows: 0..<tokens, stride: width, into: head)
            }
            set.attend(head, rows: 0..<tokens, scratch: memory + size, into: &out, stride: width)
            return out
        }
        let set = AttentionKernels(precision)
        // These kernels round keys and values, to eight bits or to bfloat16.
        let isRounded = ["avx512bf16", "avxvnni", "avx512vl", "avx512vnni"].contains(set.name)
        return KernelCheck(
            name: "attention, \(set.name)",
            difference: largest(run(set), run(AttentionKernels(named: "plain"))),
            tolerance: isRounded ? 0.01 : 1e-5)
    }
}
