private import CKernels

/// The element-wise kernels for the fastest instruction set of this processor.
struct Kernels {
    // SAFETY: points to a constant table of the C library, valid for the life of the process.
    private let table: UnsafePointer<ast_kernels>

    init() { table = ast_kernels_for_this_cpu() }

    /// Fails when this build or this processor has no kernels of that name.
    package init?(named name: String) {
        guard let table = ast_kernels_named(name) else { return nil }
        self.table = table
    }

    /// `baseline`, `avx2` or `avx512`.
    var name: String { String(cString: table.pointee.name) }

    /// Normalises `rows` rows of x into y; see ``LayerNorm``.
    func layerNorm(
        _ x: UnsafePointer<Float>, gain: UnsafePointer<Float>, bias: UnsafePointer<Float>, epsilon: Float,
        into y: UnsafeMutablePointer<Float>, rows: Int, width: Int
    ) {
        table.pointee.layer_norm(x, gain, bias, y, rows, width, epsilon)
    }

    /// Applies the exact GELU in place.
    func gelu(_ x: UnsafeMutablePointer<Float>, count: Int) { table.pointee.gelu(x, count) }

    /// Copies `row` to every row.
    func fill(_ x: UnsafeMutablePointer<Float>, with row: UnsafePointer<Float>, rows: Int, width: Int) {
        table.pointee.fill_rows(x, row, rows, width)
    }

    /// Adds `row` to every row.
    func add(_ row: UnsafePointer<Float>, to x: UnsafeMutablePointer<Float>, rows: Int, width: Int) {
        table.pointee.add_to_rows(x, row, rows, width)
    }

    /// Whether no element is infinite or not a number.
    func allFinite(_ x: UnsafePointer<Float>, count: Int) -> Bool { table.pointee.all_finite(x, count) != 0 }
}
