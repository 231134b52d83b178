private import COpenBLAS

/// Operations on square matrices in double precision by BLAS and LAPACK, row-major, on the calling thread.
enum DGEMM {
    /// `c = a * b`.
    static func multiply(_ side: Int, _ a: [Double], _ b: [Double], _ c: inout [Double]) {
        let n = Int32(side)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a, n, b, n, 0, &c, n)
    }

    /// Solves `x a = b`; x replaces b, and a is destroyed.
    ///
    /// - Returns: Whether a could be inverted.
    static func solve(_ side: Int, _ a: inout [Double], _ b: inout [Double]) -> Bool {
        // LAPACK reads the rows as columns, so it solves aᵀ xᵀ = bᵀ.
        var n = Int32(side), info: Int32 = 0
        var pivots = [Int32](repeating: 0, count: side)
        dgesv_(&n, &n, &a, &n, &pivots, &b, &n, &info)
        return info == 0 && b.allSatisfy(\.isFinite)
    }
}
