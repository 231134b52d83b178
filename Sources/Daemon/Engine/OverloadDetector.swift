private import Frontend

/// Detects that inference is too slow for the hop: windows are skipped again and again. A single
/// interruption, such as a process that was stopped for some seconds, does not count.
///
/// Time is the position in the stream.
struct OverloadDetector: Equatable {
    enum Change: Equatable {
        case began
        /// The number of windows skipped since the first one, and the time in which they were due.
        case ended(skippedWindows: Int, seconds: Int)
    }

    private(set) var hopMilliseconds = 0.0
    private(set) var isOverloaded = false
    /// An overload begins when windows were skipped ``occasions`` times within this, and ends when none was
    /// skipped for this long.
    private var spanSamples: Int64 = 0
    /// Ends of the last windows before which others were skipped.
    private var recent: [Int64] = []
    private var beginSample: Int64 = 0
    private var skippedWindows = 0

    private static let occasions = 3

    init(hopFrames: Int) { change(hopFrames: hopFrames) }

    mutating func change(hopFrames: Int) {
        let hopSamples = hopFrames * FrontendConfig.frameShiftSamples
        hopMilliseconds = 1000 * Double(hopSamples) / Double(FrontendConfig.sampleRateHz)
        spanSamples = Int64(10 * max(hopSamples, FrontendConfig.sampleRateHz))
    }

    /// - Parameters:
    ///   - end: End of a window that was classified.
    ///   - skipped: Number of windows that were skipped before it.
    mutating func process(windowEnd end: Int64, skipped: Int) -> Change? {
        if let last = recent.last, end - last > spanSamples, skipped == 0 || !isOverloaded {
            let seconds = (last - beginSample) / Int64(FrontendConfig.sampleRateHz)
            let change = Change.ended(skippedWindows: skippedWindows, seconds: Int(seconds))
            let wasOverloaded = isOverloaded
            (isOverloaded, recent, skippedWindows) = (false, [], 0)
            if wasOverloaded { return change }
        }
        guard skipped > 0 else { return nil }
        if recent.isEmpty { beginSample = end }
        skippedWindows += skipped
        recent = (recent + [end]).suffix(Self.occasions)
        guard !isOverloaded, recent.count == Self.occasions, end - recent[0] <= spanSamples else {
            return nil
        }
        isOverloaded = true
        return .began
    }
}
