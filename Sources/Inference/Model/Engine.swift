private import SystemSupport

/// Computes forward passes: the threads, and the memory of all activations, which every network in turn uses.
///
/// One window at a time: an instance is not for concurrent calls.
public final class Engine {
    /// Threads of the forward pass, the caller's included.
    public var threads: Int { pool.count }
    /// The instruction set of the element-wise kernels.
    public var kernelName: String { kernels.name }

    package var probe: AST.Probe?
    /// Measures the stages of every pass while it is set.
    public var stopwatch: Stopwatch?

    private let pool: WorkerPool
    private let kernels = Kernels()
    private var space: Workspace?

    /// - Parameter threads: At least 1.
    /// - Throws: `thread` when the system refuses that many threads.
    public init(threads: Int) throws(ModelError) {
        SGEMM.prepare()
        do throws(ThreadError) { pool = try WorkerPool(count: max(1, threads)) } catch {
            throw .thread(error)
        }
    }

    /// Makes room for these networks, and gives back what only others needed.
    public func prepare(for networks: [AST]) {
        let sizes = Workspace.Sizes(networks, workers: pool.count)
        if space?.sizes != sizes { space = Workspace(sizes) }
    }

    /// The raw scores of one window.
    ///
    /// - Parameters:
    ///   - network: One that ``prepare(for:)`` made room for.
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
            preconditionFailure("no room for this network: prepare(for:) was not told of it")
        }
        space.serve(network)
        space.stopwatch = stopwatch
        network.forward(input, logits: output, space, pool, kernels, probe)
    }
}
