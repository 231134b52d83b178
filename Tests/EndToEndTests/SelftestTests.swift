import FoundationEssentials
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct SelftestTests {
    private static let reference = Astd.repository + "/models/selftest"

    @Test func `The self-test compares this build with transformers and passes`() async throws {
        let folder = try TestFolder()
        let result = try await Astd.run(["astd", "selftest", "--reference", Self.reference], in: folder)
        #expect(result.code == 0, "\(result.lines) \(result.errorLines)")
        #expect(result.lines.contains { $0.hasPrefix("fp32  logits") && $0.hasSuffix("holds") })
    }

    @Test func `A wrong weight fails the self-test`() async throws {
        let folder = try TestFolder()
        let copy = folder.file("reference")
        try FileManager.default.copyItem(atPath: Self.reference, toPath: copy)
        let url = URL(filePath: copy + "/model.safetensors")
        var bytes = try Data(contentsOf: url)
        bytes[bytes.count / 2 & ~1 + 1] ^= 0x40
        try bytes.write(to: url)
        let result = try await Astd.run(["astd", "selftest", "--reference", copy], in: folder)
        #expect(result.code == 1)
        #expect(result.lines.contains { $0.hasPrefix("fp32  logits") && $0.hasSuffix("FAILS") })
        #expect(result.errorLines.count == 1)
    }

    @Test func `A missing reference is an error with its path`() async throws {
        let folder = try TestFolder()
        let result = try await Astd.run(["astd", "selftest", "--reference", folder.file("none")], in: folder)
        #expect(result.code == 66)
        #expect(result.errorLines.count == 1)
    }
}
