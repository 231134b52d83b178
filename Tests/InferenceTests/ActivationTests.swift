import Inference
import Testing

@Suite struct ActivationTests {
    private static func apply(_ activation: Activation, _ logits: [Float]) -> [Float] {
        var scores = logits
        scores.withUnsafeMutableBufferPointer { activation.apply($0) }
        return scores
    }

    /// Logits of magnitudes from 1e-6 to 30, the same in every run.
    private static func logits(_ count: Int) -> [Float] {
        (0..<count).map { index in
            let step = Float(index * 7919 % 601 - 300)
            return index % 5 == 0 ? step * 1e-7 : step / 10
        }
    }

    @Test(arguments: [1, 2, 5, 527])
    func `Softmax sums to one and keeps the order`(count: Int) {
        let logits = Self.logits(count)
        let scores = Self.apply(.softmax, logits)
        #expect(abs(scores.reduce(0, +) - 1) < 1e-6 * Float(count))
        #expect(scores.allSatisfy { (0...1).contains($0) })
        for (a, b) in zip(logits.indices, logits.indices.dropFirst()) {
            #expect((logits[a] < logits[b]) == (scores[a] < scores[b]) || scores[a] == scores[b])
        }
    }

    @Test func `Softmax of known logits gives the known scores`() {
        let scores = Self.apply(.softmax, [1, 2, 3])
        for (score, wanted) in zip(scores, [0.090_030_57, 0.244_728_47, 0.665_240_96] as [Float]) {
            #expect(abs(score - wanted) < 1e-7)
        }
        #expect(Self.apply(.softmax, [4, 4, 4, 4]) == [0.25, 0.25, 0.25, 0.25])
        #expect(Self.apply(.softmax, [-7.5]) == [1])
        #expect(Self.apply(.softmax, []) == [])
    }

    @Test func `Adding a constant to all logits does not change softmax`() {
        let near = Self.apply(.softmax, [0, 1, 2])
        #expect(Self.apply(.softmax, [1024, 1025, 1026]) == near)
        #expect(Self.apply(.softmax, [-1024, -1023, -1022]) == near)
    }

    @Test func `Extreme logits give finite scores`() {
        let most = Float.greatestFiniteMagnitude
        #expect(Self.apply(.softmax, [most, -most, 0]) == [1, 0, 0])
        #expect(Self.apply(.softmax, [most, most]) == [0.5, 0.5])
        #expect(Self.apply(.softmax, [-1e30, -1e30, -2e30]) == [0.5, 0.5, 0])
        #expect(Self.apply(.sigmoid, [most, 1000, 0, -1000, -most]) == [1, 1, 0.5, 0, 0])
    }

    @Test func `Sigmoid of known logits gives the known scores, independent of other logits`() {
        let known: [(Float, Float)] = [
            (0, 0.5), (1, 0.731_058_6), (-1, 0.268_941_43), (4, 0.982_013_8), (-20, 2.061_153_7e-9),
        ]
        for (logit, wanted) in known {
            for others: [Float] in [[], [5], [-100, 100]] {
                let score = Self.apply(.sigmoid, [logit] + others)[0]
                #expect(abs(score - wanted) < 1e-6 * wanted + 1e-12)
            }
        }
    }

    @Test func `None keeps the logits`() {
        let logits: [Float] = [-3.25, 0, 1e30, -0.0]
        #expect(Self.apply(.none, logits).map(\.bitPattern) == logits.map(\.bitPattern))
    }

    @Test func `The names of activations are those of the settings`() {
        #expect(Activation.allCases.map(\.rawValue) == ["softmax", "sigmoid", "none"])
    }
}
