/// Keeps account of the stream: every sample is answered for by one window, or is told in one gap. No I/O.
///
/// A window answers for what is new in it: the first of a stretch for all of it, the others for what lies behind the end
/// of the one before.
struct StreamAccount: Equatable {
    /// One past the last sample that is accounted for.
    private(set) var settledSample: Int64 = 0
    /// What is told as missing and lies behind that, in order.
    private var holes: [Range<Int64>] = []
    /// Whether no window has answered for anything of this stretch yet.
    private var isFresh = true

    /// A hole was told, and the windows go on across it.
    mutating func note(hole: Range<Int64>) { holes.append(hole) }

    /// A hole was told, and the windows begin anew behind it.
    ///
    /// - Returns: What was heard before it and was in no window.
    mutating func restart(behind hole: Range<Int64>) -> [Range<Int64>] {
        let untold = open(upTo: hole.lowerBound)
        settle(upTo: max(settledSample, hole.upperBound))
        isFresh = true
        return untold
    }

    /// A window is answered.
    ///
    /// - Parameters:
    ///   - hop: In samples, from one window to the next.
    ///   - skipped: How many windows were due before it and are not computed.
    /// - Returns: What those skipped would have answered for.
    mutating func answer(_ window: Range<Int64>, hop: Int64, skipped: Int) -> [Range<Int64>] {
        let hopStart = window.upperBound - hop
        let begin = skipped > 0 && !isFresh ? hopStart : min(window.lowerBound, hopStart)
        // With a hop longer than the window something is left out between windows, and on purpose.
        let untold = open(upTo: begin)
        settle(upTo: max(settledSample, window.upperBound))
        isFresh = false
        return untold
    }

    /// What lies between the settled part and `end` and in no hole.
    private func open(upTo end: Int64) -> [Range<Int64>] {
        var open: [Range<Int64>] = []
        var begin = settledSample
        for hole in holes where begin < end {
            if hole.lowerBound > begin { open.append(begin..<min(hole.lowerBound, end)) }
            begin = max(begin, hole.upperBound)
        }
        if begin < end { open.append(begin..<end) }
        return open
    }

    private mutating func settle(upTo end: Int64) {
        settledSample = end
        holes.removeAll { $0.upperBound <= end }
    }
}
