import Inference
import Testing

@Suite struct RankingTests {
    private static func best(_ scores: [Float], limit: Int? = nil, minimum: Float? = nil) -> [Int] {
        scores.withUnsafeBufferPointer {
            Ranking(limit: limit, minimumScore: minimum).best($0).map(\.index)
        }
    }

    @Test func `The highest scores come first`() {
        #expect(Self.best([0.1, 0.9, -3, 0.5]) == [1, 3, 0, 2])
        let scores: [Float] = [2, 5, 1]
        let ranked = scores.withUnsafeBufferPointer { Ranking(limit: 2).best($0) }
        #expect(ranked == [RankedClass(index: 1, score: 5), RankedClass(index: 0, score: 2)])
    }

    @Test func `Equal scores are in the order of their classes`() {
        #expect(Self.best([0.5, 0.5, 0.7, 0.5, 0.7]) == [2, 4, 0, 1, 3])
        #expect(Self.best([0, -0.0, 0]) == [0, 1, 2])
        #expect(Self.best([Float](repeating: 1, count: 600)) == Array(0..<600))
        #expect(Self.best([Float](repeating: 1, count: 600), limit: 3) == [0, 1, 2])
    }

    @Test func `The limit caps the number of classes`() {
        let scores: [Float] = [3, 1, 2]
        #expect(Self.best(scores, limit: 0) == [])
        #expect(Self.best(scores, limit: 1) == [0])
        #expect(Self.best(scores, limit: 3) == [0, 2, 1])
        #expect(Self.best(scores, limit: 1000) == [0, 2, 1])
        #expect(Self.best(scores, limit: .max) == [0, 2, 1])
        #expect(Self.best([]) == [])
    }

    @Test func `Scores below the minimum are omitted, the minimum itself is kept`() {
        let scores: [Float] = [0.2, 0.5, 0.49999997, 0.9]
        #expect(Self.best(scores, minimum: 0.5) == [3, 1])
        #expect(Self.best(scores, limit: 1, minimum: 0.5) == [3])
        #expect(Self.best(scores, minimum: 1) == [])
        #expect(Self.best([-2, -4, 1], minimum: -3) == [2, 0], "of raw logits, too")
    }

    @Test func `The ranking equals a full sort`() {
        let scores = (0..<527).map { Float($0 * 7919 % 101) }
        let wanted = scores.indices.sorted { scores[$0] > scores[$1] || scores[$0] == scores[$1] && $0 < $1 }
        #expect(Self.best(scores) == wanted)
        for limit in [1, 5, 100, 526] {
            #expect(Self.best(scores, limit: limit) == Array(wanted.prefix(limit)))
        }
    }
}
