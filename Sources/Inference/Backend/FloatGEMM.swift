private import CKernels

/// Products of floats with weights as they lie in the file, where they are faster than the product library's.
struct FloatGEMM {
    // SAFETY: points to a constant table of the C library, valid for the life of the process.
    private let table: UnsafePointer<ast_float_gemm>

    /// `nil` on a processor where they are not known to be faster.
    init?() {
        guard let table = ast_fp32_gemm() else { return nil }
        self.table = table
    }

    /// Floats that ``multiply(_:rows:_:outputs:inputs:bias:into:then:scratch:)`` needs on a cache line.
    var scratchFloats: Int { table.pointee.scratch_floats }

    /// The product of `rows` rows with weights `[outputs, inputs]`; all are contiguous.
    func multiply(
        _ x: UnsafePointer<Float>, rows: Int, _ weights: UnsafePointer<Float>, outputs: Int, inputs: Int,
        bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>, then epilogue: Epilogue,
        scratch: UnsafeMutablePointer<Float>
    ) {
        table.pointee.multiply(x, rows, weights, outputs, inputs, bias, y, epilogue.code, scratch)
    }
}
