private import CKernels

/// Products of narrow numbers, 8-bit integers or bfloat16, of one instruction set.
struct NarrowProducts {
    // SAFETY: points to a constant table of the C library, valid for the life of the process.
    fileprivate let table: UnsafePointer<ast_product_kernels>

    /// What becomes of a product.
    enum Ending {
        /// y = x Wᵀ + b.
        case store
        /// y += x Wᵀ + b.
        case add
        /// y = GELU(x Wᵀ + b).
        case gelu

        fileprivate var code: ast_ending {
            switch self {
            case .store: AST_STORE
            case .add: AST_ADD
            case .gelu: AST_GELU
            }
        }
    }

    /// The fastest of this processor; `nil` in fp32, and where the processor has none.
    init?(_ precision: Precision) {
        switch precision {
        case .fp32: return nil
        case .bf16:
            guard let table = ast_bf16_products() else { return nil }
            self.table = table
        case .int8: table = ast_int8_products()
        }
    }

    /// - Returns: `nil` when this build or this processor has no set of that name.
    init?(named name: String) {
        guard let table = ast_products_named(name) else { return nil }
        self.table = table
    }

    /// `plain`, `avx2`, `avxvnni`, `avx512vnni` or `avx512bf16`.
    var name: String { String(cString: table.pointee.name) }
    /// Largest value of an 8-bit activation; 0 in bfloat16.
    var levels: Int { Int(table.pointee.levels) }

    /// Narrows `rows` rows of `width` floats, each for itself.
    func narrow(_ x: UnsafePointer<Float>, rows: Int, width: Int, into narrowed: NarrowRows) {
        table.pointee.narrow(x, rows, width, narrowed.view)
    }
}

/// Memory for narrow rows: somebody else's, laid out for the kernels.
struct NarrowRows {
    fileprivate let view: ast_rows

    /// Bytes that `rows` rows of `width` need, whole cache lines.
    static func byteCount(rows: Int, width: Int, _ products: NarrowProducts) -> Int {
        rows * ast_row_stride(products.table, width) + padded(4 * rows) * 2
    }

    /// - Parameter memory: ``byteCount(rows:width:_:)`` bytes on a cache line.
    init(memory: UnsafeMutableRawPointer, rows: Int, width: Int, _ products: NarrowProducts) {
        let stride = ast_row_stride(products.table, width)
        let scales = memory + rows * stride
        view = ast_rows(
            values: memory, scales: scales.bindMemory(to: Float.self, capacity: rows),
            minimums: (scales + Self.padded(4 * rows)).bindMemory(to: Float.self, capacity: rows),
            stride: stride)
    }

    private init(_ view: ast_rows) { self.view = view }

    /// The rows from `first` on.
    func from(row first: Int) -> NarrowRows {
        NarrowRows(
            ast_rows(
                values: view.values + first * view.stride, scales: view.scales + first,
                minimums: view.minimums + first, stride: view.stride))
    }

    private static func padded(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }
}

/// A weight matrix in narrow numbers, laid out for the kernels.
///
/// SAFETY: nothing changes after `init`; the pointers are parts of `pages`.
final class PackedMatrix: @unchecked Sendable {
    let outputs: Int
    let inputs: Int
    private let products: NarrowProducts
    private let view: ast_matrix
    private let pages: PrivatePages

    /// Memory of a matrix of that shape, about.
    static func byteCount(outputs: Int, inputs: Int, _ products: NarrowProducts) -> Int {
        ast_panel_bytes(products.table, outputs, inputs) + (products.levels > 0 ? 8 * outputs : 0)
    }

    /// - Parameter weight: `[outputs, inputs]`.
    /// - Throws: ``ModelError/unreadable(path:reason:)`` for `path` when there is no memory.
    init(_ weight: Tensor, for path: String, _ products: NarrowProducts) throws(ModelError) {
        outputs = weight.rows
        inputs = weight.rowWidth
        self.products = products
        let panelFloats = (ast_panel_bytes(products.table, outputs, inputs) + 3) / 4
        let padded = products.levels > 0 ? ast_padded_outputs(products.table, outputs) : 0
        pages = try PrivatePages(floatCounts: [panelFloats, padded, padded], for: path)
        let panels = UnsafeMutableRawPointer(pages.take(panelFloats))
        let scales = pages.take(padded)
        let sums = UnsafeMutableRawPointer(pages.take(padded)).bindMemory(to: Int32.self, capacity: padded)
        ast_pack(products.table, weight.pointer, outputs, inputs, panels, scales, sums)
        view = ast_matrix(panels: panels, scales: scales, sums: sums, outputs: outputs, inputs: inputs)
        pages.makeReadOnly()
    }

    /// The product of `rows` rows with the weights; `y` is `[rows, outputs]`, contiguous.
    func multiply(
        _ x: NarrowRows, rows: Int, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>,
        then ending: NarrowProducts.Ending
    ) {
        var view = view
        products.table.pointee.multiply(x.view, rows, &view, bias, y, outputs, ending.code)
    }
}
