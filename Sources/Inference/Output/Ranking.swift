/// A class and its score.
public struct RankedClass: Equatable, Sendable {
    public var index: Int
    public var score: Float

    public init(index: Int, score: Float) {
        self.index = index
        self.score = score
    }
}

/// Selects and sorts a window's scores for output.
public struct Ranking: Equatable, Sendable {
    /// Largest number of classes; `nil` for all.
    public var limit: Int?
    /// Lower scores are omitted; `nil` for no minimum.
    public var minimumScore: Float?

    public init(limit: Int?, minimumScore: Float? = nil) {
        self.limit = limit
        self.minimumScore = minimumScore
    }

    /// Returns the classes by descending score; equal scores in the order of their classes.
    public func best(_ scores: UnsafeBufferPointer<Float>) -> [RankedClass] {
        var ranked = scores.enumerated().map { RankedClass(index: $0.offset, score: $0.element) }
        if let minimumScore { ranked.removeAll { $0.score < minimumScore } }
        ranked.sort { $0.score != $1.score ? $0.score > $1.score : $0.index < $1.index }
        return limit.map { Array(ranked.prefix($0)) } ?? ranked
    }
}
