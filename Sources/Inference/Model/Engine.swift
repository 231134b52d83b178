private import SystemSupport

/// Computes forward passes. Owns the worker threads and the memory of all activations, which is shared by all
/// networks.
///
/// Threading: one window at a time; not for concurrent calls.
public final class Engine {
    /// Threads of the forward pass, including the caller's.
    public var threads: Int { pool.count }
    /// The instruction set of the element-wise kernels.
    public var kernelName: String { kernels.name }

    package var probe: AST.Probe?
    /// Measures the stages of every pass while set.
    public var stopwatch: Stopwatch?

    private let pool: WorkerPool
    private let kernels = Kernels()
    private var space: Workspace?

    /// - Parameter threads: At least 1.
    /// - Throws: ``ModelError/thread(_:)`` when the system refuses that many threads.
    public init(threads: Int) throws(ModelError) {
        SGEMM.prepare()
        do throws(ThreadError) { pool = try WorkerPool(count: max(1, threads)) } catch {
            throw .thread(error)
        }
    }

    /// Allocates memory for the largest of these networks, and frees what only earlier networks needed.
    public func prepare(for networks: [AST]) {
        let sizes = Workspace.Sizes(networks, workers: pool.count)
        if space?.sizes != sizes { space = Workspace(sizes) }
    }

    /// Computes the raw scores of one window.
    ///
    /// - Parameters:
    ///   - network: A network that was given to ``prepare(for:)``.
    ///   - features: Normalised log-mel energies, `[frames, mels]`, row-major.
    ///   - logits: Output `[classes]`.
    public func classify(
        _ network: AST, _ features: UnsafeBufferPointer<Float>, logits: UnsafeMutableBufferPointer<Float>
    ) {
        let dimensions = network.config.dimensions
        precondition(features.count == dimensions.frames * dimensions.melBins)
        precondition(logits.count == network.config.labels.count)
        guard let input = features.baseAddress, let output = logits.baseAddress else { return }
        let needed = Workspace.Sizes([network], workers: pool.count)
        guard let space, space.sizes.hold(needed) else {
            preconditionFailure("no memory for this network: call prepare(for:) first")
        }
        space.select(network)
        space.stopwatch = stopwatch
        network.forward(input, logits: output, space, pool, kernels, probe)
    }

    /// The pooled vector of the last window, `[hidden]`: what the classifier (its LayerNorm, then its dense
    /// layer) was given. transformers calls it `pooler_output`. Valid until the next window.
    ///
    /// - Parameter network: The network that classified the window.
    public func pooledVector(of network: AST) -> UnsafeBufferPointer<Float> {
        guard let space else { preconditionFailure("no window has been classified") }
        return UnsafeBufferPointer(start: space.pooled, count: network.config.dimensions.hidden)
    }
}
