private import COpenBLAS

/// The BLAS library that is installed on this machine.
public enum BLASLibrary {
    /// Why astd cannot compute with the library on this processor; `nil` when it can.
    public static var problem: String? {
        SGEMM.isUsable
            ? nil
            : "OpenBLAS has chosen kernels for \(String(cString: openblas_get_corename())), whose instructions this "
                + "processor lacks: set OPENBLAS_CORETYPE=Prescott in the environment"
    }
}

/// Matrix multiplication in fp32 by the BLAS library, row-major, on the calling thread.
enum SGEMM {
    /// Whether the library's kernels run on this processor.
    static let isUsable: Bool = {
        let isUsable = astd_openblas_is_unsuitable() == 0 || astd_openblas_choose_baseline() != 0
        // The library's own threads would compete with the ``WorkerPool``.
        openblas_set_num_threads(1)
        return isUsable
    }()

    /// Call before the first multiplication.
    static func prepare() { _ = isUsable }

    /// `c = alpha * a * bᵀ + beta * c`, with a `[rows, inner]`, b `[columns, inner]`, c `[rows, columns]`;
    /// strides are the distance between rows.
    static func multiplyTransposed(
        rows: Int, columns: Int, inner: Int,
        alpha: Float = 1, _ a: UnsafePointer<Float>, stride aStride: Int,
        _ b: UnsafePointer<Float>, stride bStride: Int,
        beta: Float, _ c: UnsafeMutablePointer<Float>, stride cStride: Int
    ) {
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, Int32(rows), Int32(columns), Int32(inner),
            alpha, a, Int32(aStride), b, Int32(bStride), beta, c, Int32(cStride))
    }

    /// `c = alpha * a * b + beta * c`, with a `[rows, inner]`, b `[inner, columns]`, c `[rows, columns]`.
    static func multiply(
        rows: Int, columns: Int, inner: Int,
        alpha: Float = 1, _ a: UnsafePointer<Float>, stride aStride: Int,
        _ b: UnsafePointer<Float>, stride bStride: Int,
        beta: Float, _ c: UnsafeMutablePointer<Float>, stride cStride: Int
    ) {
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(rows), Int32(columns), Int32(inner),
            alpha, a, Int32(aStride), b, Int32(bStride), beta, c, Int32(cStride))
    }
}
