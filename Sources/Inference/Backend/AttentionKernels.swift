private import CKernels

/// Attention with bfloat16 products, on processors that have them.
struct AttentionKernels {
    // SAFETY: points to a constant table of the C library, valid for the life of the process.
    private let table: UnsafePointer<ast_attention_kernels>

    /// `nil` when this processor has no such instructions.
    static var forThisProcessor: AttentionKernels? {
        ast_attention_kernels_for_this_cpu().map { AttentionKernels(table: $0) }
    }

    private init(table: UnsafePointer<ast_attention_kernels>) { self.table = table }

    /// Elements of one head's packed keys, and behind them its packed values.
    static func headCount(tokens: Int, width: Int) -> Int {
        ast_attention_key_count(tokens, width) + ast_attention_value_count(tokens, width)
    }

    static func scratchBytes(tokens: Int, width: Int) -> Int {
        ast_attention_scratch_bytes(tokens, width)
    }

    /// - Parameters:
    ///   - keys: The head's columns of `[tokens, stride]`; `values` likewise.
    ///   - head: ``headCount(tokens:width:)`` elements.
    func pack(
        keys: UnsafePointer<Float>, values: UnsafePointer<Float>, tokens: Int, width: Int, stride: Int,
        into head: UnsafeMutablePointer<UInt16>
    ) {
        table.pointee.pack_keys(keys, tokens, width, stride, head)
        table.pointee.pack_values(
            values, tokens, width, stride, head + ast_attention_key_count(tokens, width))
    }

    /// softmax(scale Q Kᵀ) V for `rows` queries of one head, exact but for the products' rounding.
    func attend(
        _ queries: UnsafePointer<Float>, rows: Int, head: UnsafePointer<UInt16>, tokens: Int, width: Int,
        stride: Int, scale: Float, scratch: UnsafeMutableRawPointer, into out: UnsafeMutablePointer<Float>
    ) {
        table.pointee.attend(
            queries, rows, head, head + ast_attention_key_count(tokens, width), tokens, width, stride, scale,
            scratch, out)
    }
}
