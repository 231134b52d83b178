import Frontend
import TestSupport
import Inference
import Recognizer
import Testing

@Suite struct KeptFramesTests {
    /// So a base with a long window can take over from an adapter with a short one at once.
    @Test func `As many frames stay as the longest window to come needs`() throws {
        let base = try BaseModel(directory: Golden.path("models/stride10"))
        let maker = VariantMaker(base: base, activation: nil)
        let adapter = try LoRAAdapter(directory: Golden.path("adapters/petl-qv-cls-64"))
        let recognizer = Recognizer([try maker.variant(adapter, named: "short")], threads: 1, keptFrames: 300)
        #expect(recognizer.windowFrames == 64)
        for _ in 0..<1500 {
            recognizer.features.appendSilence(samples: 160)
            let features = recognizer.features
            #expect(features.frameCount - features.oldestFrame >= min(300, features.frameCount))
        }
        _ = recognizer.use([maker.published])
        #expect(recognizer.classify(maker.published, windowFrom: recognizer.features.frameCount - 96) != nil)
    }
}
