import TestSupport

@testable import Inference
import Glibc

/// Reference implementations of the element-wise kernels, in double precision.
enum ReferenceKernels {
    /// The sets that this processor runs, slowest first; every processor has `baseline`.
    static let available = ["baseline", "avx2", "avx512"].filter { Kernels(named: $0) != nil }

    static func gelu(_ x: Float) -> Double { 0.5 * Double(x) * erfc(-Double(x) / 2.0.squareRoot()) }

    static func layerNorm(_ row: [Float], gain: [Float], bias: [Float], epsilon: Float) -> [Double] {
        let values = row.map { Double($0) }
        let mean = values.reduce(0, +) / Double(row.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
        let deviation = (variance + Double(epsilon)).squareRoot()
        return row.indices.map { (values[$0] - mean) / deviation * Double(gain[$0]) + Double(bias[$0]) }
    }
}

/// Rows in a wider plane, between two guards that no kernel may change.
struct GuardedPlane {
    let rows: Int
    let columns: Int
    let stride: Int
    var values: [Float]

    private static let guardValue: Float = 12345.5
    private static let guardCount = 17

    init(_ content: [[Float]], stride: Int) {
        rows = content.count
        columns = content.first?.count ?? 0
        self.stride = stride
        values = [Float](repeating: Self.guardValue, count: 2 * Self.guardCount + rows * stride)
        for (row, line) in content.enumerated() {
            for (column, value) in line.enumerated() {
                values[Self.guardCount + row * stride + column] = value
            }
        }
    }

    mutating func withPlane(_ body: (UnsafeMutablePointer<Float>) -> Void) {
        values.withUnsafeMutableBufferPointer { buffer in
            if let base = buffer.baseAddress { body(base + Self.guardCount) }
        }
    }

    func row(_ row: Int) -> ArraySlice<Float> {
        let start = Self.guardCount + row * stride
        return values[start..<start + columns]
    }

    /// Whether everything outside the rows is unchanged.
    var isIntactOutside: Bool {
        values.indices.allSatisfy { index in
            let inside = index - Self.guardCount
            let isInRow = inside >= 0 && inside < rows * stride && inside % stride < columns
            return isInRow || values[index] == Self.guardValue
        }
    }
}
