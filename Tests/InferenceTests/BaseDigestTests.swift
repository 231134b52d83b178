import TestSupport
import Testing

@testable import Inference

/// The SHA-256 of the base, as an adapter states it.
@Suite struct BaseDigestTests {
    private static let digest = String(repeating: "0123456789abcdef", count: 4)
    private static let other = String(repeating: "fedcba9876543210", count: 4)

    @Test(arguments: [
        "It belongs to exactly\none base: `models/default/model.safetensors`, sha256 `D`.",
        "---\nbase_model: models/default\nbase_model_sha256: D\n---\n# An adapter",
        "| base | sha256 |\n|---|---|\n| `model.safetensors` | `D` |",
        "SHA-256 of the base model: D.",
        "D  models/default/model.safetensors",
        "Adapter sha256: O. Its base has sha256 D\r\n",
        "sha256 of the base (capitals): U",
    ])
    func `A card states the sha256 of its base`(card: String) {
        let text = card.replacing("D", with: Self.digest).replacing("O", with: Self.other)
            .replacing("U", with: Self.digest.uppercased())
        #expect(BaseDigest.digests(in: text) == [Self.digest], "\(card)")
    }

    @Test(arguments: [
        "`adapter_model.safetensors` sha256: `D`",
        "---\nbase_model: models/default\nsha256: D\n---",
        "base_model: x\n\nsha256 of the data: D",
        "Trained on the base x.\nAdapter: sha256 D",
        "D  adapter_model.safetensors",
        "The base x, sha256 D0",
        "database.zip D",
        "",
    ])
    func `Another file's sha256 is not the base's`(card: String) {
        #expect(BaseDigest.digests(in: card.replacing("D", with: Self.digest)) == [], "\(card)")
    }

    @Test func `The card of the alarms states one base`() throws {
        let repository = Golden.path("").split(separator: "/").dropLast(2).joined(separator: "/")
        let stated = BaseDigest.inCard(of: "/\(repository)/models/alarms")
        var base = Digest()
        try base.add(file: "/\(repository)/models/default/model.safetensors")
        let sha256 = base.hexadecimal()
        #expect(stated.map(\.sha256) == [sha256])
    }

    @Test(arguments: ["README.md", "adapter_config.json", "config.json"])
    func `An adapter that states another base of the same shape is rejected, with both sha256`(file: String)
        throws
    {
        let folder = try TestFolder()
        let model = Golden.path("models/stride10")
        var digest = Digest()
        try digest.add(file: model + "/model.safetensors")
        let right = digest.hexadecimal()
        let adapter = try folder.copy(Golden.path("adapters/new-head"), to: "adapter")
        func state(_ sha256: String) throws {
            if file == "README.md" {
                try folder.write("Base: `model.safetensors`, sha256 \(sha256)\n", to: "adapter/README.md")
            } else {
                try ConfigEdit.set("base_model_sha256", to: .text(sha256), in: adapter, file: file)
            }
        }
        try state(right)
        #expect(loadingError(model, adapter: adapter) == nil)
        try state(Self.other)
        #expect(
            loadingError(model, adapter: adapter)
                == .unsupported(
                    path: "\(adapter)/\(file)", key: "the base's sha256", found: Self.other,
                    wanted:
                        "\(right), that of \(model)/model.safetensors: the adapter was trained on another base "
                        + "(if its weights are the same, correct the sha256)"))
        guard file != "README.md" else { return }
        try state("main")
        #expect(loadingError(model, adapter: adapter)?.description.contains("64 hexadecimal digits") == true)
    }
}
