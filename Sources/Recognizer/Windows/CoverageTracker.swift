/// Finds the samples that no window covers, so that every sample of a stream is covered by a window or
/// reported in exactly one gap.
///
/// A window covers what no window before it has covered: the first window of a stretch covers all of its
/// samples, later ones cover the samples after the end of their predecessor.
///
///     samples   ├──── covered by windows ────┤╌╌ gap ╌╌├╌ not covered yet ╌▶
///                                            ▲
///                                            coveredSample
struct CoverageTracker: Equatable, Sendable {
    /// One past the last sample that a window covers or a gap reports.
    private(set) var coveredSample: Int64 = 0
    /// Reported gaps after `coveredSample`, in order.
    private var gaps: [Range<Int64>] = []
    /// Whether no window has covered a sample of this stretch yet.
    private var isFirstWindow = true

    /// Records a gap that is reported and that the windows bridge.
    mutating func bridge(_ gap: Range<Int64>) { gaps.append(gap) }

    /// Records a gap that is reported, and after which the windows restart.
    ///
    /// - Returns: Samples before the gap that are in no window: gaps to report.
    mutating func restart(behind gap: Range<Int64>) -> [Range<Int64>] {
        let uncovered = uncovered(upTo: gap.lowerBound)
        cover(upTo: max(coveredSample, gap.upperBound))
        isFirstWindow = true
        return uncovered
    }

    /// Records a window that is classified.
    ///
    /// - Parameters:
    ///   - hop: Samples from the start of one window to the start of the next.
    ///   - skipped: Number of windows that were skipped before this one.
    /// - Returns: Samples that only the skipped windows would have covered: gaps to report.
    mutating func cover(window: Range<Int64>, hop: Int64, skipped: Int) -> [Range<Int64>] {
        // A skipped window would have covered its last hop. With a hop longer than the window, the samples
        // between two windows are left out on purpose and are no gap.
        let lastHop = window.upperBound - hop
        let begin = skipped > 0 && !isFirstWindow ? lastHop : min(window.lowerBound, lastHop)
        let uncovered = uncovered(upTo: begin)
        cover(upTo: max(coveredSample, window.upperBound))
        isFirstWindow = false
        return uncovered
    }

    /// The samples from ``coveredSample`` to `end` that are in no gap.
    private func uncovered(upTo end: Int64) -> [Range<Int64>] {
        var uncovered: [Range<Int64>] = []
        var begin = coveredSample
        for gap in gaps where begin < end {
            if gap.lowerBound > begin { uncovered.append(begin..<min(gap.lowerBound, end)) }
            begin = max(begin, gap.upperBound)
        }
        if begin < end { uncovered.append(begin..<end) }
        return uncovered
    }

    private mutating func cover(upTo end: Int64) {
        coveredSample = end
        gaps.removeAll { $0.upperBound <= end }
    }
}
