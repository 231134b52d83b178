private import CKernels
private import Glibc

/// Log-mel filterbank energies of whole frames, normalised as the model was trained.
///
/// All arithmetic is in double precision: a pure tone leaves bins that are ten million times weaker than
/// itself, and single precision, which the reference implementation uses, fills them with rounding noise.
public final class Fbank {
    public let config: FrontendConfig

    // SAFETY: the plan points into `tables` and `indices`; `scratch` is used by one call at a time. All are
    // freed in deinit only.
    private let tables: UnsafeMutablePointer<Double>
    private let indices: UnsafeMutablePointer<Int32>
    private let scratch: UnsafeMutableRawPointer
    private var plan: ast_fbank_plan
    private let kernels: UnsafePointer<ast_kernels>

    public convenience init(_ config: FrontendConfig) {
        self.init(config, kernels: ast_kernels_for_this_cpu())
    }

    /// - Returns: `nil` when this build or this processor has no kernels of that name.
    package convenience init?(_ config: FrontendConfig, kernelName: String) {
        guard let kernels = ast_kernels_named(kernelName) else { return nil }
        self.init(config, kernels: kernels)
    }

    private init(_ config: FrontendConfig, kernels: UnsafePointer<ast_kernels>) {
        self.config = config
        self.kernels = kernels
        let points = FrontendConfig.fftPoints
        let angles = (0..<points).map { 2 * Double.pi * Double($0) / Double(points) }
        let bank = MelBank(filters: config.melBins)
        let window = HannWindow.values(samples: FrontendConfig.frameSamples)
        let parts = [window, angles.map { cos($0) }, angles.map { sin($0) }, bank.weights]
        tables = .allocate(capacity: parts.reduce(0) { $0 + $1.count })
        var starts: [UnsafePointer<Double>] = []
        var end = tables
        for part in parts {
            starts.append(UnsafePointer(end))
            end.initialize(from: part, count: part.count)
            end += part.count
        }
        indices = .allocate(capacity: 2 * config.melBins)
        indices.initialize(from: bank.starts + bank.counts, count: 2 * config.melBins)
        scratch = .allocate(byteCount: Int(AST_FBANK_SCRATCH) * 8, alignment: 64)
        plan = ast_fbank_plan(
            window: starts[0], cosines: starts[1], sines: starts[2], preemphasis: FrontendConfig.preemphasis,
            mel_bins: config.melBins, mel_starts: indices, mel_counts: indices + config.melBins,
            mel_weights: starts[3], energy_floor: FrontendConfig.energyFloor,
            mean: config.normalisation?.mean ?? 0,
            scale: config.normalisation.map { 1 / (2 * $0.standardDeviation) } ?? 1)
    }

    deinit {
        tables.deallocate()
        indices.deallocate()
        scratch.deallocate()
    }

    /// Computes the first `count` frames of `samples`.
    ///
    /// - Parameters:
    ///   - samples: 16 kHz mono in -1...1, at least `(count - 1) * 160 + 400`.
    ///   - features: Output `[count, melBins]`, row-major.
    public func compute(
        _ samples: UnsafeBufferPointer<Float>, frames count: Int, into features: UnsafeMutablePointer<Float>
    ) {
        precondition(FrontendConfig.frames(inSamples: samples.count) >= count)
        guard count > 0, let first = samples.baseAddress else { return }
        kernels.pointee.fbank(&plan, first, count, features, scratch.assumingMemoryBound(to: Double.self))
    }
}
