import FoundationEssentials
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct SelftestTests {
    private static let reference = Astd.repository + "/models/selftest"

    @Test func `This build computes what transformers computed`() async throws {
        let folder = try TestFolder()
        let ending = try await Astd.run(["astd", "selftest", "--reference", Self.reference], in: folder)
        #expect(ending.code == 0, "\(ending.lines) \(ending.complaints)")
        #expect(ending.lines.contains { $0.hasPrefix("fp32  logits") && $0.hasSuffix("holds") })
    }

    @Test func `A difference is told and fails`() async throws {
        let folder = try TestFolder()
        let copy = folder.file("reference")
        try FileManager.default.copyItem(atPath: Self.reference, toPath: copy)
        let url = URL(filePath: copy + "/model.safetensors")
        var bytes = try Data(contentsOf: url)
        bytes[bytes.count / 2 & ~1 + 1] ^= 0x40
        try bytes.write(to: url)
        let ending = try await Astd.run(["astd", "selftest", "--reference", copy], in: folder)
        #expect(ending.code == 1)
        #expect(ending.lines.contains { $0.hasPrefix("fp32  logits") && $0.hasSuffix("FAILS") })
        #expect(ending.complaints.count == 1)
    }

    @Test func `No reference is an error that says where it was looked for`() async throws {
        let folder = try TestFolder()
        let ending = try await Astd.run(["astd", "selftest", "--reference", folder.file("none")], in: folder)
        #expect(ending.code == 66 && ending.complaints.count == 1)
    }
}
