/// Which windows contain a sound, and what follows from them for its length.
///
/// Windows overlap, so a short sound is in as many of them as a long one, or nearly: what tells them apart is
/// how much later the last window starts than the first one ends. Positions are samples of the stream.
///
///     previous   ├───────────────┤                 without the sound: it begins after this window's end ...
///     first          ├───────────────┤             ... and before this one's
///     last                           ├───────────────┤   it ends after this window's start ...
///     next                               ├───────────────┤   ... and before this one's
///     shortest                        ├┤
///     longest                    ├──────────┤
struct SoundSpan: Equatable, Sendable {
    /// The sound begins here at the earliest: at the end of the window before the first one, or, without such
    /// a window, at the start of the first one.
    let earliestBegin: Int64
    /// The first window that contains the sound.
    let first: Range<Int64>
    /// The last window so far that contains it.
    private(set) var last: Range<Int64>
    /// The onset, and the hits among the windows from ``first`` to ``last``.
    private(set) var evidence: SoundEvidence
    /// Windows after ``last``.
    private var laterWindows = 0

    /// - Parameter previous: The window before `first`, which does not contain the sound; `nil` if there is
    ///   none, or if it ended before a gap.
    init(first: Range<Int64>, previous: Range<Int64>?, onset: SoundOnset) {
        earliestBegin = min(max(previous?.upperBound ?? .min, first.lowerBound), first.upperBound)
        self.first = first
        last = first
        evidence = SoundEvidence(onset: onset, hits: 1, windows: 1)
    }

    /// The next window contains the sound.
    mutating func add(_ window: Range<Int64>, isHit: Bool) {
        last = window
        evidence.windows += laterWindows + 1
        laterWindows = 0
        if isHit { evidence.hits += 1 }
    }

    /// The next window does not contain the sound; a later one may.
    mutating func skipWindow() { laterWindows += 1 }

    /// The lengths that the sound can have, if every window that contains it is recognised, and none after
    /// ``last`` contains it.
    ///
    /// - Parameter hop: From the start of the last window to the start of the next.
    func possibleDurations(hop: Int64) -> ClosedRange<Int64> {
        let shortest = max(0, last.lowerBound - first.upperBound)
        return shortest...max(shortest, last.lowerBound + hop - earliestBegin)
    }

    /// The middle of ``possibleDurations(hop:)``.
    func estimatedDuration(hop: Int64) -> Int64 {
        let durations = possibleDurations(hop: hop)
        return (durations.lowerBound + durations.upperBound) / 2
    }
}
