private import CKernels

/// Attention of one head: softmax(Q Kᵀ / sqrt(head width)) V; the only approximation is the rounding of the
/// operands.
///
/// A head's queries, keys and values are packed as they are computed; then any thread attends any of the
/// queries.
struct AttentionKernels {
    // SAFETY: points to a constant table of the C library, valid for the life of the process.
    private let table: UnsafePointer<ast_attention_kernels>

    /// The fastest kernels of this processor for `precision`; where it has none, those of the next more
    /// precise kind: int8 needs VNNI, else bfloat16 is used, which needs AVX-512 BF16, else fp32.
    init(_ precision: Precision) {
        let found: UnsafePointer<ast_attention_kernels>? =
            switch precision {
            case .fp32: nil
            case .bf16: ast_bf16_attention()
            case .int8: ast_int8_attention() ?? ast_bf16_attention()
            }
        table = found ?? ast_fp32_attention()
    }

    /// Fails when this build or this processor has no kernels of that name.
    init?(named name: String) {
        guard let table = ast_attention_named(name) else { return nil }
        self.table = table
    }

    /// `plain`, `neon`, `avx2`, `avx512` (all fp32), `avx512bf16`, or `avxvnni`, `avx512vl`, `avx512vnni` (8
    /// bits).
    var name: String { String(cString: table.pointee.name) }

    /// Bytes of one packed head, a multiple of the cache line.
    func headBytes(tokens: Int, width: Int) -> Int { table.pointee.head_bytes(tokens, width) }
    /// Bytes of one thread's scratch memory, a multiple of the cache line.
    func scratchBytes(tokens: Int, width: Int) -> Int { table.pointee.scratch_bytes(tokens, width) }

    /// The role of packed rows.
    enum Part {
        case queries, keys, values
    }

    /// Packs rows of one head.
    ///
    /// - Parameters:
    ///   - x: The head's columns of the first row; rows are `stride` floats apart.
    ///   - rows: The tokens to pack; the first is even.
    func pack(
        _ part: Part, _ x: UnsafePointer<Float>, rows: Range<Int>, stride: Int, into head: PackedHead
    ) {
        let (tokens, width) = (head.tokens, head.width)
        switch part {
        case .queries:
            let scale = 1 / Float(width).squareRoot()
            table.pointee.pack_queries(
                x, rows.lowerBound, rows.count, stride, scale, tokens, width, head.memory)
        case .keys:
            table.pointee.pack_keys(x, rows.lowerBound, rows.count, stride, tokens, width, head.memory)
        case .values:
            table.pointee.pack_values(x, rows.lowerBound, rows.count, stride, tokens, width, head.memory)
        }
    }

    /// Attends queries `rows` of a head.
    ///
    /// - Parameter out: The head's columns of the first of those rows; rows are `stride` floats apart.
    func attend(
        _ head: PackedHead, rows: Range<Int>, scratch: UnsafeMutableRawPointer,
        into out: UnsafeMutablePointer<Float>, stride: Int
    ) {
        table.pointee.attend(
            head.memory, rows.lowerBound, rows.count, head.tokens, head.width, scratch, out, stride)
    }
}

/// Memory of one head's queries, keys and values, on a cache line; the caller owns it.
struct PackedHead {
    let memory: UnsafeMutableRawPointer
    let tokens: Int
    let width: Int
}
