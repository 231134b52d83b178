private import Glibc

/// Time that the workers spend on each stage of the forward pass.
///
/// SAFETY: each worker adds to its own row; the rows are read between two passes.
public final class Stopwatch: @unchecked Sendable {
    /// Stages in the order of computation; `mlp` is the feed-forward network of a layer.
    public enum Stage: String, CaseIterable, Sendable {
        case patches, norms, projections, attention, output, mlp
    }

    /// Nanoseconds, `[worker][stage]`; each worker has its own cache lines.
    private let totals: UnsafeMutableBufferPointer<UInt64>
    private let workers: Int
    private static let stride = 16

    public init(workers: Int) {
        self.workers = workers
        totals = .allocate(capacity: workers * Self.stride)
        totals.initialize(repeating: 0)
    }

    deinit { totals.deallocate() }

    /// Milliseconds spent on a stage since the last ``reset()``, averaged over the workers.
    public func milliseconds(_ stage: Stage) -> Double {
        let index = Stage.allCases.firstIndex(of: stage) ?? 0
        let sum = (0..<workers).reduce(0) { $0 + totals[$1 * Self.stride + index] }
        return Double(sum) / Double(workers) / 1e6
    }

    public func reset() { totals.update(repeating: 0) }

    /// Starts a worker's first lap.
    func start(_ worker: Int) { totals[worker * Self.stride + Self.stride - 1] = Self.now() }

    /// Ends a worker's lap, adds its time to `stage`, and starts the next lap.
    func lap(_ stage: Stage, _ worker: Int) {
        let now = Self.now()
        let begin = worker * Self.stride
        let index = Stage.allCases.firstIndex(of: stage) ?? 0
        totals[begin + index] += now - totals[begin + Self.stride - 1]
        totals[begin + Self.stride - 1] = now
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
