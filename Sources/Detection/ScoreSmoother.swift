/// The moving average of each label's scores.
struct ScoreSmoother: Sendable {
    /// `[labels, longest]`; each row is a circular buffer.
    private var history: [Float]
    private let longest: Int
    private var next = 0
    private var filled = 0

    /// - Parameter longest: The longest average, in scores.
    init(labels: Int, longest: Int) {
        self.longest = max(1, longest)
        history = [Float](repeating: 0, count: labels * self.longest)
    }

    /// Adds a window's scores, by class index.
    mutating func add(_ scores: UnsafeBufferPointer<Float>) {
        for (label, score) in scores.enumerated() { history[label * longest + next] = score }
        next = (next + 1) % longest
        filled = min(filled + 1, longest)
    }

    /// The mean of the last `count` scores, or of fewer at the start; `nil` without scores.
    func mean(_ label: Int, last count: Int) -> Float? {
        let count = min(count, filled)
        guard count > 0 else { return nil }
        var sum: Float = 0
        for back in 1...count { sum += history[label * longest + (next - back + longest) % longest] }
        return sum / Float(count)
    }

    /// Drops all scores: the next one belongs to another stretch of sound.
    mutating func reset() { (next, filled) = (0, 0) }
}
