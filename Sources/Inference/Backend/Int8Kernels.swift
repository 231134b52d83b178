private import CKernels

/// The 8-bit products of the fastest instruction set that this processor has.
struct Int8Kernels {
    // SAFETY: points to a constant table of the C library, valid for the life of the process.
    private let table: UnsafePointer<ast_int8_kernels>

    static var forThisProcessor: Int8Kernels { Int8Kernels(table: ast_int8_kernels_for_this_cpu()) }

    private init(table: UnsafePointer<ast_int8_kernels>) { self.table = table }

    /// - Returns: `nil` when this build or this processor has no set of that name.
    init?(named name: String) {
        guard let table = ast_int8_kernels_named(name) else { return nil }
        self.table = table
    }

    /// `baseline`, `avx2` or `avx512vnni`.
    var name: String { String(cString: table.pointee.name) }
    /// Largest value of a quantised activation.
    var levels: Int { Int(table.pointee.levels) }

    /// Quantises `rows` rows of `width` floats, each for itself.
    func quantise(_ x: UnsafePointer<Float>, rows: Int, width: Int, into quantised: QuantisedRows) {
        table.pointee.quantise(x, rows, width, quantised.view)
    }

    /// y = (or +=) x Wᵀ + b; `y` is `[rows, outputs]`, contiguous.
    func multiply(
        _ x: QuantisedRows, rows: Int, _ weights: PackedMatrix, bias: UnsafePointer<Float>?,
        into y: UnsafeMutablePointer<Float>, accumulate: Bool
    ) {
        var view = weights.view
        table.pointee.multiply(x.view, rows, &view, bias, y, weights.outputs, accumulate ? 1 : 0)
    }
}

/// Memory for quantised rows: somebody else's, laid out for the kernels.
struct QuantisedRows {
    fileprivate let view: ast_int8_rows

    /// Bytes that `rows` rows of `width` need, whole cache lines.
    static func byteCount(rows: Int, width: Int) -> Int {
        rows * ast_int8_row_stride(width) + padded(4 * rows) * 2
    }

    /// - Parameter memory: ``byteCount(rows:width:)`` bytes on a cache line.
    init(memory: UnsafeMutableRawPointer, rows: Int, width: Int) {
        let stride = ast_int8_row_stride(width)
        let scales = memory + rows * stride
        view = ast_int8_rows(
            values: memory.bindMemory(to: UInt8.self, capacity: rows * stride),
            scales: scales.bindMemory(to: Float.self, capacity: rows),
            minimums: (scales + Self.padded(4 * rows)).bindMemory(to: Float.self, capacity: rows),
            stride: stride)
    }

    private init(_ view: ast_int8_rows) { self.view = view }

    /// The rows from `first` on.
    func from(row first: Int) -> QuantisedRows {
        QuantisedRows(
            ast_int8_rows(
                values: view.values + first * view.stride, scales: view.scales + first,
                minimums: view.minimums + first, stride: view.stride))
    }

    private static func padded(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }
}

/// A weight matrix in 8 bits, laid out for the kernels.
///
/// SAFETY: nothing changes after `init`; the pointers are parts of `pages`.
final class PackedMatrix: @unchecked Sendable {
    let outputs: Int
    let inputs: Int
    fileprivate let view: ast_int8_weights
    private let pages: PrivatePages

    /// Memory of a matrix of that shape, about.
    static func byteCount(outputs: Int, inputs: Int) -> Int {
        ast_int8_panel_bytes(outputs, inputs) + 8 * outputs
    }

    /// - Parameter weight: `[outputs, inputs]`.
    /// - Throws: ``ModelError/unreadable(path:reason:)`` for `path` when there is no memory.
    init(_ weight: Tensor, for path: String) throws(ModelError) {
        outputs = weight.rows
        inputs = weight.rowWidth
        let panelBytes = ast_int8_panel_bytes(outputs, inputs)
        let padded = (outputs + Int(AST_INT8_PANEL) - 1) / Int(AST_INT8_PANEL) * Int(AST_INT8_PANEL)
        pages = try PrivatePages(floatCounts: [(panelBytes + 3) / 4, padded, padded], for: path)
        let panels = UnsafeMutableRawPointer(pages.take((panelBytes + 3) / 4))
            .bindMemory(to: Int8.self, capacity: panelBytes)
        let scales = pages.take(padded)
        let sums = UnsafeMutableRawPointer(pages.take(padded)).bindMemory(to: Int32.self, capacity: padded)
        ast_int8_pack(weight.pointer, outputs, inputs, panels, scales, sums)
        view = ast_int8_weights(
            panels: panels, scales: scales, sums: sums, outputs: outputs, inputs: inputs)
        pages.makeReadOnly()
    }
}
