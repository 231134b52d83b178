import TestSupport
import Testing

@testable import Inference

@Suite struct ModuleSummaryTests {
    private func summary(_ name: String) throws -> AdapterSummary {
        try Adapter(directory: Golden.path("adapters/petl-module-\(name)")).summary()
    }

    @Test(arguments: [
        ("bottleneck-seq", "bottleneck of width 5, after the MLP in 2 layers"),
        (
            "conformer-houlsby-par",
            "conformer of width 5, kernel 31, beside attention and beside the MLP in 2 layers"
        ),
        ("ablation-mhsa-seq-before", "conformer of width 5, kernel 9, before attention in 2 layers"),
        ("dense-mhsa", "mixture of 3 bottleneck experts of width 5, beside attention in 2 layers"),
        (
            "soft-ffn",
            "soft mixture of 4 bottleneck experts of width 5, slots of each: 2, beside the MLP in 2 layers"
        ),
        (
            "soft-houlsby",
            "soft mixture of 1 convpass experts of width 5, slots of each: 1, beside attention and beside "
                + "the MLP in 2 layers"
        ),
    ])
    func `Modules are described with their sizes and places`(name: String, text: String) throws {
        #expect(try summary(name).modules?.text == text)
    }

    @Test func `Only tensors of the base count as replaced`() throws {
        let summary = try summary("soft-ffn")
        #expect(summary.method == "Soft-MoA, Pfeiffer beside MLP, bottleneck")
        #expect(summary.wholeTensors.allSatisfy { $0.contains("layernorm") || $0.hasPrefix("classifier.") })
        #expect(summary.wholeTensors.contains("classifier.dense.weight"))
        let expert = 2 * 5 * 32 + 5 + 32
        #expect(summary.addedBytes == 2 * 4 * (4 * expert + 32 * 4 * 2))
        // The norms of the layers and the last one, and a head of 4 labels.
        let replaced = 4 * (2 * 5 * 32 + 4 * 33)
        #expect(summary.mergedBytes == summary.addedBytes + replaced)
        let network = try TestNetwork(
            directory: Golden.path("models/stride10"),
            adapter: Golden.path("adapters/petl-module-soft-ffn"), threads: 1)
        #expect(network.merged?.changedBytes == summary.mergedBytes)
        #expect(network.merged?.matrices == 0)
    }

    @Test func `A bottleneck costs two products a token`() throws {
        #expect(try summary("bottleneck-seq").modules?.multiplications == 2 * 2 * 5 * 32)
        #expect(try summary("bottleneck-houlsby-seq").modules?.multiplications == 2 * 2 * 2 * 5 * 32)
    }
}
