private import CKernels

/// GEMM with quantised operands (8-bit integers), or with bfloat16, for one instruction set.
///
/// Weights are packed once (``PackedMatrix``); activations are quantised row by row (``QuantizedRows``).
struct QuantizedGEMM {
    // SAFETY: points to a constant table of the C library, valid for the life of the process.
    fileprivate let table: UnsafePointer<ast_gemm_kernels>

    /// The fastest kernels of this processor. Fails for fp32, and for bf16 where the processor lacks it.
    init?(_ precision: Precision) {
        switch precision {
        case .fp32: return nil
        case .bf16:
            guard let table = ast_bf16_gemm() else { return nil }
            self.table = table
        case .int8: table = ast_int8_gemm()
        }
    }

    /// Fails when this build or this processor has no kernels of that name.
    init?(named name: String) {
        guard let table = ast_gemm_named(name) else { return nil }
        self.table = table
    }

    private init(_ table: UnsafePointer<ast_gemm_kernels>) { self.table = table }

    /// Matrices whose steps a pair limit would widen by more than this, as a mean square, use kernels without
    /// the limit. Rows of 768 normally distributed weights reach 1.36.
    private static let acceptedWidening: Float = 1.6
    /// Matrices with at most as many weights take negligible time.
    private static let smallMatrix = 1 << 14

    /// Whether these kernels add two products in 16 bits, which requires coarser weights.
    var hasPairLimit: Bool { table.pointee.pair_limit > 0 }

    /// Slower kernels without a pair limit, for the same layout and rows; `self` where there is no limit.
    var withoutPairLimit: QuantizedGEMM { ast_gemm_without_pair_limit(table).map(Self.init) ?? self }

    /// The reference kernels, which compute the same, integer for integer.
    var reference: QuantizedGEMM? {
        QuantizedGEMM(named: levels == 0 ? "bf16plain" : hasPairLimit ? "plainpairs" : "plain")
    }

    /// Chooses between these kernels and those without a pair limit: the latter where the limit would round
    /// the weights too coarsely, or where the matrix is so small that the exact kernels cost nothing.
    func suited(to weight: Tensor, _ smoothing: ActivationSmoothing?) -> QuantizedGEMM {
        guard hasPairLimit else { return self }
        if weight.count <= Self.smallMatrix { return withoutPairLimit }
        let widening = ast_widening(
            table, weight.pointer, weight.rows, weight.rowWidth, smoothing?.factors)
        return widening > Self.acceptedWidening ? withoutPairLimit : self
    }

    /// `plain`, `plainpairs`, `avx2`, `avx2exact`, `avxvnni`, `avx512vl`, `avx512vnni`, `dotprod`, `i8mm`,
    /// `bf16plain` or `avx512bf16`.
    var name: String { String(cString: table.pointee.name) }
    /// The layout of packed weights: kernels with the same layout can share them.
    var layout: String {
        let kind = levels > 0 ? "int8" : "bf16"
        return "\(kind) \(table.pointee.panel) \(table.pointee.group) \(table.pointee.pair_limit)"
    }
    /// Largest value of a quantised activation; 0 in bfloat16.
    var levels: Int { Int(table.pointee.levels) }

    /// Quantises `rows` rows of `width` floats, each with its own scale (bfloat16: converts them).
    func quantize(_ x: UnsafePointer<Float>, rows: Int, width: Int, into quantized: QuantizedRows) {
        table.pointee.quantize(x, rows, width, quantized.view)
    }
}

/// A view of quantised rows, laid out for the kernels; the caller owns the memory.
struct QuantizedRows {
    fileprivate let view: ast_rows

    /// Bytes that `rows` rows of `width` need, a multiple of the cache line.
    static func byteCount(rows: Int, width: Int, _ gemm: QuantizedGEMM) -> Int {
        rows * ast_row_stride(gemm.table, width) + padded(4 * rows) * 2
    }

    /// - Parameter memory: ``byteCount(rows:width:_:)`` bytes on a cache line.
    init(memory: UnsafeMutableRawPointer, rows: Int, width: Int, _ gemm: QuantizedGEMM) {
        let stride = ast_row_stride(gemm.table, width)
        let scales = memory + rows * stride
        view = ast_rows(
            values: memory, scales: scales.bindMemory(to: Float.self, capacity: rows),
            minimums: (scales + Self.padded(4 * rows)).bindMemory(to: Float.self, capacity: rows),
            stride: stride)
    }

    private init(_ view: ast_rows) { self.view = view }

    /// The rows from `first` on.
    func from(row first: Int) -> QuantizedRows {
        QuantizedRows(
            ast_rows(
                values: view.values + first * view.stride, scales: view.scales + first,
                minimums: view.minimums + first, stride: view.stride))
    }

    private static func padded(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }
}

/// A weight matrix packed for the kernels: panels of weights, then, in 8 bits, the outputs' scales and sums,
/// each part on a cache line.
///
/// SAFETY: nothing changes after `init`; the pointers are into memory that `owner` keeps alive.
final class PackedMatrix: @unchecked Sendable {
    let outputs: Int
    let inputs: Int
    /// Fingerprint of the ``MatrixSmoothing`` that the weights include.
    let smoothing: String
    /// All parts, a multiple of the cache line.
    let bytes: UnsafeRawBufferPointer
    /// The kernels that it is packed for and that multiply it.
    let gemm: QuantizedGEMM
    private let view: ast_matrix
    private let owner: AnyObject

    /// Bytes of a packed matrix of that shape.
    static func byteCount(outputs: Int, inputs: Int, _ gemm: QuantizedGEMM) -> Int {
        let panels = ast_panel_bytes(gemm.table, outputs, inputs)
        return lines(panels) + 2 * lines(scaleBytes(outputs, gemm))
    }

    /// - Parameters:
    ///   - weight: `[outputs, inputs]`.
    ///   - smoothing: In 8 bits, the factors of inputs and outputs.
    /// - Throws: ``ModelError/unreadable(path:reason:)``, naming `path`, when there is no memory.
    convenience init(
        _ weight: Tensor, _ smoothing: MatrixSmoothing = .none, for path: String, _ gemm: QuantizedGEMM
    ) throws(ModelError) {
        let (outputs, inputs) = (weight.rows, weight.rowWidth)
        let size = Self.byteCount(outputs: outputs, inputs: inputs, gemm)
        let pages = try PrivatePages(byteCount: size, for: path)
        self.init(
            at: pages.start, owner: pages, outputs: outputs, inputs: inputs,
            smoothing: smoothing.fingerprint, gemm)
        ast_pack(
            gemm.table, weight.pointer, outputs, inputs, smoothing.inputs?.factors,
            UnsafeMutableRawPointer(mutating: view.panels),
            UnsafeMutablePointer(mutating: view.scales), UnsafeMutablePointer(mutating: view.sums))
        // Dividing a row changes its scale, not its integers.
        if gemm.levels > 0, let factors = smoothing.outputs?.factors {
            let scales = UnsafeMutablePointer(mutating: view.scales)
            for (output, factor) in factors.enumerated() { scales?[output] /= factor }
        }
        pages.makeReadOnly()
    }

    /// A matrix at `start`, ``byteCount(outputs:inputs:_:)`` bytes on a cache line, packed already or by the
    /// caller later.
    init(
        at start: UnsafeMutableRawPointer, owner: AnyObject, outputs: Int, inputs: Int,
        smoothing: String, _ gemm: QuantizedGEMM
    ) {
        self.smoothing = smoothing
        let panels = Self.lines(ast_panel_bytes(gemm.table, outputs, inputs))
        let scales = Self.lines(Self.scaleBytes(outputs, gemm))
        self.outputs = outputs
        self.inputs = inputs
        self.gemm = gemm
        self.owner = owner
        bytes = UnsafeRawBufferPointer(start: start, count: panels + 2 * scales)
        view = ast_matrix(
            panels: start, scales: (start + panels).assumingMemoryBound(to: Float.self),
            sums: (start + panels + scales).assumingMemoryBound(to: Int32.self), outputs: outputs,
            inputs: inputs)
    }

    private static func scaleBytes(_ outputs: Int, _ gemm: QuantizedGEMM) -> Int {
        gemm.levels > 0 ? 4 * ast_padded_outputs(gemm.table, outputs) : 0
    }

    private static func lines(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }

    /// Multiplies `rows` rows by the weights into y `[rows, outputs]`, contiguous.
    func multiply(
        _ x: QuantizedRows, rows: Int, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>,
        then epilogue: Epilogue
    ) {
        var view = view
        gemm.table.pointee.multiply(x.view, rows, &view, bias, y, outputs, epilogue.code)
    }
}
