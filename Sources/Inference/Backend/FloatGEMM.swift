private import CKernels

/// GEMM in fp32 with weights in the layout of the file. The result of a row does not depend on the rows
/// beside it, to the last bit; that of the BLAS library does.
struct FloatGEMM {
    // SAFETY: points to a constant table of the C library, valid for the life of the process.
    private let table: UnsafePointer<ast_float_gemm>

    /// Fails on a processor where it is not known to be faster than the BLAS library.
    init?() {
        guard let table = ast_fp32_gemm() else { return nil }
        self.table = table
    }

    private init(_ table: UnsafePointer<ast_float_gemm>) { self.table = table }

    /// The kernels of this processor, also where the BLAS library is faster.
    static var byRows: FloatGEMM { FloatGEMM(ast_fp32_gemm_by_rows()) }

    /// `plain`, `avx2`, `avx512` or `neon`.
    var name: String { String(cString: table.pointee.name) }

    /// Floats of scratch memory that ``multiply(_:rows:_:outputs:inputs:bias:into:then:scratch:)`` needs, on
    /// a cache line.
    var scratchFloats: Int { table.pointee.scratch_floats }

    /// Multiplies x `[rows, inputs]` by weights `[outputs, inputs]` into y `[rows, outputs]`; all are
    /// contiguous.
    func multiply(
        _ x: UnsafePointer<Float>, rows: Int, _ weights: UnsafePointer<Float>, outputs: Int, inputs: Int,
        bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>, then epilogue: Epilogue,
        scratch: UnsafeMutablePointer<Float>
    ) {
        table.pointee.multiply(x, rows, weights, outputs, inputs, bias, y, epilogue.code, scratch)
    }
}
