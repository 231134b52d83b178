/// Adapts a hop to the measured passes: the shortest hop that leaves ``PassLoad/reserve`` of the time free.
///
/// A longer hop follows two slow passes of three, a shorter one nine fast ones, and only a difference of a
/// tenth counts: a single slow pass changes nothing, and the hop does not swing.
struct HopController: Equatable {
    /// Frames of 10 ms. The longest hop is a window, so that every sample is in a window.
    private(set) var range: ClosedRange<Int>
    private(set) var hopFrames: Int
    private let longestEver: Int
    /// Hops that the last passes asked for, in frames, the newest last.
    private var demands: [Double] = []

    private static let slowPasses = 3
    private static let fastPasses = 9
    private static let tolerance = 1.1

    /// - Parameter range: The hop starts with the shortest one.
    init(range: ClosedRange<Int>) {
        self.range = range
        hopFrames = range.lowerBound
        longestEver = range.upperBound
    }

    /// - Parameter seconds: The shortest hop by the last pass, its reserve included.
    /// - Returns: Whether ``hopFrames`` has changed.
    mutating func process(demandSeconds seconds: Double) -> Bool {
        demands = (demands + [seconds * 100]).suffix(Self.fastPasses)
        let hop = Double(hopFrames)
        let recent = demands.suffix(Self.slowPasses).sorted()
        if recent.count == Self.slowPasses, recent[1] > Self.tolerance * hop { return change(to: recent[1]) }
        let highest = demands.max() ?? hop
        if demands.count == Self.fastPasses, highest * Self.tolerance < hop { return change(to: highest) }
        return false
    }

    /// Limits the hop to windows of another length, and to the first range, for which the features have
    /// memory.
    ///
    /// - Returns: Whether ``hopFrames`` has changed.
    mutating func limit(longest: Int) -> Bool {
        let longest = min(longest, longestEver)
        range = min(range.lowerBound, longest)...longest
        let limited = min(hopFrames, longest)
        defer { hopFrames = limited }
        return limited != hopFrames
    }

    private mutating func change(to frames: Double) -> Bool {
        let bounded = max(Double(range.lowerBound), min(frames.rounded(.up), Double(range.upperBound)))
        guard Int(bounded) != hopFrames else { return false }
        hopFrames = Int(bounded)
        demands = []
        return true
    }
}
