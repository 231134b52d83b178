internal import CKernels

/// What a GEMM does with a result while it is in registers.
enum Epilogue {
    /// y = x Wᵀ + b.
    case store
    /// y += x Wᵀ + b.
    case add
    /// y = GELU(x Wᵀ + b).
    case gelu

    var code: ast_epilogue {
        switch self {
        case .store: AST_STORE
        case .add: AST_ADD
        case .gelu: AST_GELU
        }
    }
}
