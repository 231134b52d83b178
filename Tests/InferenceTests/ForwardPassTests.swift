import TestSupport
import Testing

@testable import Inference

/// Compares each stage with transformers and PEFT, given their own features (docs/exactness.md).
@Suite struct ForwardPassTests {
    /// No case may have a larger tolerance.
    static let tolerance: Float = 1e-4

    @Test(arguments: try Golden.load().cases)
    func `Every stage is within 0.0001 of transformers, with a probe and without`(_ golden: Golden.Case)
        throws
    {
        let network = try golden.network(threads: 2)
        let features = try golden.referenceFeatures()
        let pass = ForwardPass(network, features)
        try Self.compare(pass, with: golden, network.config)
        #expect(largestDifference(ForwardPass.logits(network, features), pass.logits) <= 1e-5)
    }

    static func compare(_ pass: ForwardPass, with golden: Golden.Case, _ config: ModelConfig) throws {
        #expect(golden.tolerance.logits <= tolerance)
        #expect(golden.stages.contains("logits") && pass.logits.count == config.labels.count)
        let reference = try ArrayFile(golden: golden.reference)
        for name in golden.stages {
            let stage = try #require(AST.Stage(rawValue: name))
            let found = try #require(pass.stages[stage], "nothing was seen of \(name)")
            var expected = try reference.floats(name)
            if stage == .block0, config.dimensions.layers == 1 {
                // The only layer is the last one: it computes only the two tokens that pooling reads.
                #expect(found.count == 2 * config.dimensions.hidden)
                expected = Array(expected.prefix(found.count))
            }
            let difference = largestDifference(found, expected)
            #expect(difference <= golden.tolerance.logits, "\(name) of \(golden.id) differs by \(difference)")
        }
    }

    /// One case of each model and each kind of module.
    private static func threadCases() throws -> [Golden.Case] {
        var seen: Set<String> = []
        return try Golden.load().cases.filter { golden in
            let isModule = golden.adapter?.contains("petl-") ?? false
            return seen.insert(isModule ? golden.adapter ?? "" : golden.model).inserted
        }
    }

    @Test(arguments: try threadCases())
    func `The number of threads changes only rounding, and a repeat changes nothing`(
        _ golden: Golden.Case
    ) throws {
        let features = try golden.referenceFeatures()
        let alone = ForwardPass.logits(try golden.network(threads: 1), features)
        #expect(
            largestDifference(alone, try ArrayFile(golden: golden.reference).floats("logits"))
                <= Self.tolerance)
        for threads in [2, 3] {
            let network = try golden.network(threads: threads)
            #expect(network.threads == threads)
            let first = ForwardPass.logits(network, features)
            #expect(largestDifference(first, alone) <= 1e-5, "\(threads) threads")
            // An engine that has computed other windows and a new one give identical bits.
            _ = ForwardPass.logits(network, features.map { -$0 })
            #expect(ForwardPass.logits(network, features) == first, "\(threads) threads, again")
            let another = try golden.network(threads: threads)
            #expect(ForwardPass.logits(another, features) == first, "\(threads) threads, loaded again")
        }
    }

    @Test func `More threads than tokens are harmless`() throws {
        let golden = try #require(try Golden.load().cases.first { $0.id == "single-label/speech" })
        let network = try golden.network(threads: 9)
        #expect(network.config.dimensions.tokens < 9)
        let pass = ForwardPass(network, try golden.referenceFeatures())
        try Self.compare(pass, with: golden, network.config)
    }

    @Test func `The golden cases cover every model and every valid adapter`() throws {
        let index = try Golden.load()
        let cases = index.cases
        #expect(Set(cases.map(\.model)).count >= 15)
        #expect(Set(cases.compactMap(\.adapter)).count >= 55)
        #expect(cases.allSatisfy { $0.stages.contains("pooled") })
        #expect(index.cases.count { $0.stages.contains("embeddings") } >= 14)
    }

    @Test func `A NaN feature is visible in the logits, and does not affect the next window`() throws {
        let golden = try #require(try Golden.load().cases.first)
        let network = try golden.network(threads: 2)
        let features = try golden.referenceFeatures()
        let before = ForwardPass.logits(network, features)
        var broken = features
        broken[features.count / 2] = .nan
        #expect(ForwardPass.logits(network, broken).allSatisfy { $0.isNaN })
        #expect(ForwardPass.logits(network, features) == before)
    }
}
