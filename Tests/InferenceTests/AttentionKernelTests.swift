import TestSupport
import Testing

@testable import Inference
import Glibc

@Suite struct AttentionKernelTests {
    private static let available = [
        "plain", "neon", "avx2", "avx512", "avx512bf16", "avxvnni", "avx512vl", "avx512vnni",
    ].filter { AttentionKernels(named: $0) != nil }

    /// The error of rounding queries, keys, weights and values, for numbers up to 2.
    private static func tolerance(_ name: String) -> Double {
        switch name {
        case "avx512vnni", "avx512vl", "avxvnni": 0.05
        case "avx512bf16": 0.02
        default: 4e-6
        }
    }

    /// Tokens, head width: whole tiles and panels, and every kind of remainder.
    @Test(
        arguments: available, [(64, 64), (65, 64), (1, 12), (130, 18), (200, 96), (86, 7), (49, 128), (2, 1)])
    func `Attention matches double precision within the rounding of its operands`(
        name: String, size: (tokens: Int, width: Int)
    ) throws {
        let kernels = try #require(AttentionKernels(named: name))
        let (tokens, width) = size
        let stride = 2 * width + 3
        var random = SeededGenerator(seed: 9)
        let queries = random.floats(tokens * stride, in: -2...2)
        let keys = random.floats(tokens * stride, in: -2...2)
        let values = random.floats(tokens * stride)
        let scale = 1 / Float(width).squareRoot()
        let rows = tokens / 3..<tokens
        let found = Self.attend(kernels, queries, keys, values, rows, tokens, width, stride)
        #expect(found.prefix(rows.lowerBound * stride).allSatisfy { $0.isNaN }, "not asked for")
        for row in rows {
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
                #expect(abs(value - wanted) < Self.tolerance(name), "row \(row), column \(column)")
            }
            #expect(found[(row * stride + width)..<((row + 1) * stride)].allSatisfy { $0.isNaN }, "untouched")
        }
    }

    @Test(arguments: available)
    func `NaN and infinity are visible in the result`(name: String) throws {
        let kernels = try #require(AttentionKernels(named: name))
        let ones = [Float](repeating: 1, count: 70 * 8)
        for broken in [Float.nan, .infinity] {
            var keys = [Float](repeating: 0.5, count: 70 * 8)
            keys[69 * 8 + 3] = broken
            let found = Self.attend(kernels, ones, keys, ones, 0..<2, 70, 8, 8)
            #expect(found.prefix(16).allSatisfy { !$0.isFinite }, "a key that is \(broken)")
        }
        var queries = ones
        queries[8] = .nan
        let other = Self.attend(kernels, queries, ones, ones, 0..<3, 70, 8, 8)
        #expect(
            other[8..<16].allSatisfy { !$0.isFinite } && abs(other[0] - 1) < 0.01 && abs(other[16] - 1) < 0.01
        )
        var values = ones
        values[5] = .infinity
        let last = Self.attend(kernels, ones, ones, values, 0..<2, 70, 8, 8)
        // In 8 bits a token's values share a scale, so all of them become NaN.
        #expect(!last[5].isFinite && (Self.tolerance(name) > 0.02 || abs(last[4] - 1) < 0.01))
    }

    @Test(arguments: available)
    func `Distant scores select one key, equal scores average all`(name: String) throws {
        let kernels = try #require(AttentionKernels(named: name))
        var keys = [Float](repeating: 0, count: 70 * 8)
        for column in 0..<8 { keys[40 * 8 + column] = 300 }
        let values = (0..<70 * 8).map { Float($0 / 8) }
        let queries = [Float](repeating: 30, count: 70 * 8)
        let found = Self.attend(kernels, queries, keys, values, 0..<1, 70, 8, 8)
        #expect(found.prefix(8).allSatisfy { abs($0 - 40) < 1e-3 })
        let flat = [Float](repeating: 0, count: 70 * 8)
        let mean = Self.attend(kernels, queries, flat, values, 0..<1, 70, 8, 8)
        #expect(mean.prefix(8).allSatisfy { abs($0 - 34.5) < 0.05 })
    }

    private static func attend(
        _ kernels: AttentionKernels, _ queries: [Float], _ keys: [Float], _ values: [Float],
        _ rows: Range<Int>,
        _ tokens: Int, _ width: Int, _ stride: Int
    ) -> [Float] {
        let bytes = kernels.headBytes(tokens: tokens, width: width)
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: bytes + kernels.scratchBytes(tokens: tokens, width: width), alignment: 64)
        defer { memory.deallocate() }
        // NaN, which old memory may contain.
        memory.initializeMemory(as: UInt8.self, repeating: 255, count: bytes)
        let head = PackedHead(memory: memory, tokens: tokens, width: width)
        // In two parts, like the blocks of the forward pass.
        let cut = tokens / 4 * 2
        for (part, plane) in [(AttentionKernels.Part.queries, queries), (.keys, keys), (.values, values)] {
            plane.withUnsafeBufferPointer { plane in
                guard let x = plane.baseAddress else { return }
                kernels.pack(part, x + cut * stride, rows: cut..<tokens, stride: stride, into: head)
                if cut > 0 { kernels.pack(part, x, rows: 0..<cut, stride: stride, into: head) }
            }
        }
        var out = [Float](repeating: .nan, count: tokens * stride)
        out.withUnsafeMutableBufferPointer { out in
            guard let start = out.baseAddress else { return }
            kernels.attend(
                head, rows: rows, scratch: memory + bytes, into: start + rows.lowerBound * stride,
                stride: stride)
        }
        return out
    }
}
