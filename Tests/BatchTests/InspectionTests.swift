import Inference
import Recognizer
import TestSupport
import Testing
import TextSupport

@testable import Batch

@Suite struct InspectionTests {
    private static let model = Golden.path("models/stride10")

    private static func options(_ model: String) -> RecognizerOptions {
        RecognizerOptions(model: model, threads: 1)
    }

    private static func lines(_ adapter: String, model: String? = model) throws -> [String: String] {
        Dictionary(
            try AdapterInspection(directory: adapter, model.map(Self.options)).lines.map {
                ($0.name, $0.text)
            },
            uniquingKeysWith: { first, _ in first })
    }

    @Test func `An adapter's modules, layers, rank, memory and base are shown`() throws {
        let lines = try Self.lines(Golden.path("adapters/patterns"))
        #expect(lines["changes"]?.contains("attention.attention.query in layers 0 to 1") == true, "\(lines)")
        #expect(lines["rank"]?.hasPrefix("2 to 6, ") == true)
        #expect(lines["memory"]?.contains("B when used in fp32, ") == true)
        #expect(lines["memory"]?.hasSuffix("B in int8") == true)
        #expect(lines["base"] == "fits \(Self.model); the adapter states no sha256 of its base")
        let one = try Self.lines(Golden.path("adapters/layers-to-transform"))
        #expect(one["changes"]?.contains("attention.attention.query in layer 1,") == true, "\(one)")
    }

    @Test func `An adapter's modules are shown with their sizes, places and work`() throws {
        let lines = try Self.lines(Golden.path("adapters/petl-module-conformer-seq"))
        let text = "conformer of width 5, kernel 31, after the MLP in 2 layers; 5.6 kB, "
        #expect(lines["modules"]?.hasPrefix(text) == true, "\(lines)")
        #expect(lines["modules"]?.hasSuffix(" % more multiplications than the base") == true)
        #expect(lines["adds"] == nil)
        let json = try AdapterInspection(directory: Golden.path("adapters/petl-module-soft-ffn"), nil).json
        #expect(json.contains(#""modules":{"block":"bottleneck","width":5,"experts":4,"slots":2,"#))
    }

    /// Networks without a matrix of their own: modules, prefixes, norms, biases.
    @Test(arguments: [
        "petl-module-soft-ffn", "petl-module-dense-mhsa", "petl-method-prefix", "petl-method-bitfit",
        "ln-tuning", "beft",
    ])
    func `The memory of an adapter without merged matrices is that of its tensors`(adapter: String) throws {
        let directory = Golden.path("adapters/\(adapter)")
        let network = try BaseModel(directory: Self.model).adapted(by: try Adapter(directory: directory))
        let bytes = try #require(network.merged?.changedBytes)
        #expect(bytes > 0)
        let size = ByteCount.text(bytes)
        #expect(try Self.lines(directory)["memory"] == "\(size) when used in fp32, \(size) in int8")
    }

    @Test func `Empty labels and labels of several classes are noted`() {
        #expect(VariantLines.labelNotes(["Speech", "Music"]).isEmpty)
        #expect(
            VariantLines.labelNotes(["Speech", "", "Dog", " ", "Speech"]) == [
                "empty labels in id2label: classes 1 | 3",
                "labels of several classes, which only the index tells apart: 'Speech' (classes 0, 4)",
            ])
    }

    @Test func `The base's name, revision and sha256 are shown`() throws {
        let folder = try TestFolder()
        let adapter = try folder.copy(Golden.path("adapters/modern-qv"), to: "adapter")
        let config = String(
            decoding: try TestFolder.bytes(of: adapter + "/adapter_config.json"), as: UTF8.self)
        try folder.write(
            config.replacing(#""revision": null"#, with: #""revision": "v2""#),
            to: "adapter/adapter_config.json")
        var digest = Digest()
        try digest.add(file: Self.model + "/model.safetensors")
        let sha256 = digest.hexadecimal()
        try folder.write("The base is `model.safetensors`, sha256 \(sha256)\n", to: "adapter/README.md")
        let lines = try Self.lines(adapter)
        #expect(lines["trained on"] == "example/stride10, revision v2")
        #expect(lines["base sha256"] == "\(sha256), says \(adapter)/README.md")
        #expect(lines["base"] == "fits \(Self.model), sha256 equal")
        let json = try AdapterInspection(directory: adapter, nil).json
        #expect(
            json.contains(#""base_model_sha256":["\#(sha256)"]"#)
                && json.contains(#""base_model_revision":"v2""#))
    }

    @Test func `The method of an adapter, its options and the memory of its matrices are shown`() throws {
        func lines(_ name: String, _ model: String? = InspectionTests.model) throws -> [String: String] {
            try Self.lines(Golden.path("adapters/\(name)"), model: model)
        }
        let scales = try lines("ia3")
        #expect(scales["method"]?.hasPrefix("IA3, written by PEFT ") == true)
        #expect(scales["changes"]?.contains("output.dense in layers 0 to 1") == true, "\(scales)")
        #expect(scales["rank"] == nil)
        #expect(scales["memory"]?.contains("B when used in fp32") == true)
        #expect(try lines("ia3", nil)["memory"] == "depends on the base; name one with --model")
        #expect(try lines("oft-constrained")["method"]?.hasPrefix("OFT, constrained, ") == true)
        #expect(try lines("loha-patterns")["rank"] == "2 to 4, scale 0.5 to 4.0")
        #expect(try lines("ln-tuning")["changes"] == "no matrices")
        let json = try AdapterInspection(directory: Golden.path("adapters/lokr"), nil).json
        #expect(json.contains(#""method":"lokr""#))
    }

    @Test func `Inspecting a folder shows the only adapter in it`() throws {
        let folder = try TestFolder()
        try folder.copy(Golden.path("adapters/modern-qv"), to: "out/birds")
        #expect(try Self.lines(folder.file("out"))["adapter"] == folder.file("out/birds"))
    }

    @Test func `A classifier without labels is shown, with and without a base`() throws {
        let folder = try TestFolder()
        let adapter = try folder.copy(Golden.path("adapters/new-head"), to: "adapter")
        try folder.remove("adapter/config.json")
        let fitted = try Self.lines(adapter)
        #expect(fitted["labels"] == "4: LABEL_0 | LABEL_1 | LABEL_2 | LABEL_3")
        #expect(fitted["warning"]?.contains("no labels for its 4 classes") == true)
        #expect(try Self.lines(adapter, model: nil)["labels"]?.hasPrefix("none for the 4 classes") == true)
        #expect(
            try Self.lines(Golden.path("adapters/modern-qv"), model: nil)["labels"] == "those of the base")
    }

    @Test func `A list is abridged only where it hides several names`() {
        func text(_ count: Int) -> String { AbridgedList.text((1...count).map(String.init)) }
        #expect(text(9) == "1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9")
        #expect(text(12).hasSuffix("| 11 | 12"))
        #expect(text(13).hasSuffix("| 9 | 10 | and 3 more"))
    }

    @Test func `Control characters of labels are escaped`() throws {
        let folder = try TestFolder()
        let adapter = try folder.copy(Golden.path("adapters/new-head"), to: "adapter")
        try folder.write(
            #"{"id2label": {"0": "a\u001b[31m", "1": "b\nc", "2": "d\u202e", "3": "Käuzchen"}}"#,
            to: "adapter/config.json")
        let text = try AdapterInspection(directory: adapter, Self.options(Self.model)).text
        #expect(text.contains(#"labels      4: a\x1B[31m | b\x0Ac | d\xE2\x80\xAE | Käuzchen"#), "\(text)")
    }
}
