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

    /// Applies QuickGELU, x sigmoid(1.702 x), in place.
    func quickGELU(_ x: UnsafeMutablePointer<Float>, count: Int) { table.pointee.quick_gelu(x, count) }

    /// Gated linear unit: the first half of each of `rows` rows of 2 `width` times the sigmoid of the second.
    func gate(
        _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, rows: Int, width: Int
    ) {
        table.pointee.gated(x, y, rows, width)
    }

    /// Convolves x `[tokens, width]` along the tokens, each column for itself, and applies SiLU.
    ///
    /// - Parameters:
    ///   - taps: `[kernel, width]`.
    ///   - left: Taps before the token itself.
    ///   - rows: The tokens to compute, into y `[rows, width]`.
    func convolve(
        _ x: UnsafePointer<Float>, tokens: Int, width: Int, taps: UnsafePointer<Float>,
        bias: UnsafePointer<Float>, kernel: Int, left: Int, rows: Range<Int>,
        into y: UnsafeMutablePointer<Float>
    ) {
        table.pointee.depthwise_silu(
            x, tokens, width, taps, bias, kernel, left, rows.lowerBound, rows.count, y)
    }

    /// Replaces each row by exp(x - its maximum); writes the maxima and the sums of the new values, `[rows]`.
    func exponentials(
        _ x: UnsafeMutablePointer<Float>, rows: Int, width: Int, maxima: UnsafeMutablePointer<Float>,
        sums: UnsafeMutablePointer<Float>
    ) {
        table.pointee.exponentials(x, rows, width, maxima, sums)
    }

    /// Applies softmax to each row in place.
    func softmax(_ x: UnsafeMutablePointer<Float>, rows: Int, width: Int) {
        table.pointee.softmax(x, rows, width)
    }

    /// Divides each row by its length plus `epsilon`, in place.
    func normalise(_ x: UnsafeMutablePointer<Float>, rows: Int, width: Int, epsilon: Float) {
        table.pointee.normalise_rows(x, rows, width, epsilon)
    }

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
