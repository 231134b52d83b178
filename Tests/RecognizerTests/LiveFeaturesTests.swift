import Frontend
import TestSupport
import Inference
import Recognizer
import Testing

@Suite struct LiveFeaturesTests {
    /// The base model with a long window can replace an adapter with a short one at once.
    @Test func `Enough frames are retained for the longest window to come`() throws {
        let base = try BaseModel(directory: Golden.path("models/stride10"))
        let maker = VariantMaker(base: base, activation: nil)
        let adapter = try Adapter(directory: Golden.path("adapters/petl-qv-cls-64"))
        let short = try maker.variant(adapter, named: "short")
        let scorer = try WindowScorer([short], threads: 1)
        let features = LiveFeatures(for: [short], minimumFrames: 300)
        #expect(scorer.windowFrames == 64)
        for _ in 0..<1500 {
            features.appendSilence(samples: 160)
            #expect(features.frameCount - features.oldestFrame >= min(300, features.frameCount))
        }
        let base96 = maker.baseVariant
        _ = scorer.replaceVariants(with: [base96])
        features.retain(for: [base96])
        let window = features.window(of: base96, from: features.frameCount - 96)
        #expect(scorer.score(base96, features: window) != nil)
    }
}
