/// The scores of the last windows, label by label, for the moving average and for the estimate of an onset.
struct ScoreHistory: Sendable {
    /// Where a window is, and the end of the window before it: `nil` if there was none, or if it ended before
    /// a gap.
    struct Place: Sendable {
        var window: Range<Int64>
        var previousEnd: Int64?
    }

    /// `[labels, capacity]`; each row is a circular buffer.
    private var scores: [Float]
    private var places: [Place]
    private let capacity: Int
    private var next = 0
    private var filled = 0

    /// - Parameter capacity: The most windows to remember.
    init(labels: Int, capacity: Int) {
        self.capacity = max(1, capacity)
        scores = [Float](repeating: 0, count: labels * self.capacity)
        places = Array(repeating: Place(window: 0..<0, previousEnd: nil), count: self.capacity)
    }

    /// Adds a window's scores, by class index.
    mutating func add(_ scores: UnsafeBufferPointer<Float>, at place: Place) {
        for (label, score) in scores.enumerated() { self.scores[label * capacity + next] = score }
        places[next] = place
        next = (next + 1) % capacity
        filled = min(filled + 1, capacity)
    }

    /// Drops all scores: the next one belongs to another stretch of sound.
    mutating func reset() { (next, filled) = (0, 0) }

    /// The mean of the last `count` scores, or of fewer at the start; `nil` without scores.
    func mean(_ label: Int, last count: Int) -> Float? {
        let count = min(count, filled)
        guard count > 0 else { return nil }
        var sum: Float = 0
        for back in 0..<count { sum += score(label, back: back) }
        return sum / Float(count)
    }

    /// The score of a window; 0 is the last one.
    private func score(_ label: Int, back: Int) -> Float { scores[label * capacity + slot(back)] }

    private func place(back: Int) -> Place { places[slot(back)] }

    private func slot(_ back: Int) -> Int { (next - 1 - back + 2 * capacity) % capacity }

    /// Estimates where the sound began whose first hit is the last window: in the part of the earliest window
    /// with a raised score that is not in the window before it.
    ///
    /// - Parameters:
    ///   - lastEventEnd: End of the label's last event; the windows before it contained another sound.
    func onset(_ label: Int, after lastEventEnd: Int64, _ constants: SoundOnset.Constants) -> SoundOnset {
        let earlier = (0..<filled).dropFirst().prefix { place(back: $0).window.upperBound > lastEventEnd }
        let scores = earlier.map { score(label, back: $0) }
        // At least a quarter of the windows do not contain the sound.
        let baseline = scores.isEmpty ? 0 : scores.sorted()[scores.count / 4]
        let highest = max(score(label, back: 0), scores.max() ?? -.infinity)
        let raised = baseline + constants.raisedShare * max(0, highest - baseline)
        func isRaised(_ back: Int) -> Bool { back == 0 || score(label, back: back) >= raised }

        // Only windows that overlap with the last one can contain the same sound.
        let last = place(back: 0).window
        var back = earlier.prefix { place(back: $0).window.upperBound > last.lowerBound }.count
        if back == earlier.count && earlier.count + 1 < filled {
            // The first windows after an event still contain the end of its sound.
            while back > 0 && isRaised(back) { back -= 1 }
        }
        while !isRaised(back) { back -= 1 }
        return SoundOnset(in: place(back: back), constants)
    }
}
