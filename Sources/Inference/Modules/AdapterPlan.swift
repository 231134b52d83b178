/// Which modules an adapter adds to a layer, and where; read from its configuration.
///
/// The two halves of a layer are x += attention(norm(x)) and x += MLP(norm(x)). A module reads either the
/// normalised input of a half, n, or the result of its sublayer (attention or MLP), s.
struct AdapterPlan: Equatable, Sendable {
    /// A small network between two linear layers, down to a few channels and up again.
    enum Block: Equatable, Sendable {
        /// up(GELU(down(x))).
        case bottleneck
        /// Convolution along the tokens, as in the Conformer (Gulati et al., 2020, arXiv:2005.08100).
        case conformer
        /// up(QuickGELU(QuickGELU(down(x)))): the published code discards its convolution's result.
        case convpass
    }

    enum Kind: Equatable, Sendable {
        case single(Block)
        /// A mixture of adapters: every expert computes every token, weighted by a router.
        case dense(Block)
        /// A soft mixture: experts compute slots, which are weighted means of all tokens.
        case soft(Block, isNormalised: Bool)
    }

    /// Where a module acts in its half, x being the residual stream.
    enum Place: Equatable, Sendable {
        /// x += s + A(n).
        case parallel
        /// x += A(s), in place of s.
        case after
        /// The sublayer reads A(n) in place of n; x += s + A(n).
        case before
    }

    /// A module of one half of every layer.
    struct Half: Equatable, Sendable {
        /// Name of the module within the layer, with a trailing dot; of a mixture the part before `moa.`.
        var name: String
        /// Name of a dense mixture's router, with a trailing dot.
        var router = ""
        var place: Place
        /// What the module reads is added to x, too.
        var keepsInput = false
        /// The module's result is added once more at the end of the layer.
        var isRepeated = false
    }

    var kind: Kind
    var attention: Half?
    var mlp: Half?
}
