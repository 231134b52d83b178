import FoundationEssentials
import TestSupport
import Testing

@testable import Inference

@Suite struct LabelTests {
    private static let newHead = ["Kettle, boiling", "Drill", "Door \"bell\"", "Nothing"]

    private static func config(_ model: String, adapter: String? = nil) throws -> ModelConfig {
        try TestNetwork(
            directory: Golden.path("models/\(model)"), adapter: adapter.map { Golden.path("adapters/\($0)") },
            threads: 1
        ).config
    }

    @Test func `Labels keep their commas, quotes and alphabets, in the order of the classes`() throws {
        #expect(
            try Self.config("stride10").labels == [
                "Speech", "Male speech, man speaking", "The \"Hum\" of mains",
                "Bird vocalization, bird call, bird song", "Käuzchen", "猫の声", "Dog's bark; growl", "Music",
                "Zipper (clothing)", "Silence", "Whoosh, swoosh, swish", "Sweep 20 Hz – 7.9 kHz",
            ])
    }

    @Test func `A new head has its own labels and problem type`() throws {
        let newHead = try Self.config("stride10", adapter: "new-head")
        #expect(newHead.labels == Self.newHead)
        #expect(newHead.problemType == .singleLabel && newHead.pooling == .clsDistillationMean)
        let cls = try Self.config("stride10", adapter: "cls-pooling")
        #expect(cls.labels == Self.newHead)
        #expect(cls.problemType == .multiLabel && cls.pooling == .cls)
        #expect(try Self.config("stride10", adapter: "mean-pooling").pooling == .mean)
    }

    @Test func `An adapter without an overlay keeps the base's labels`() throws {
        #expect(try Self.config("stride10", adapter: "modern-qv") == Self.config("stride10"))
    }

    @Test func `A head of another size without labels gets numbered labels`() throws {
        let folder = try TestFolder()
        let adapter = try folder.copy(Golden.path("adapters/new-head"), to: "adapter")
        try FileManager.default.removeItem(atPath: adapter + "/config.json")
        let network = try TestNetwork(directory: Golden.path("models/stride10"), adapter: adapter, threads: 1)
        #expect(network.config.labels == ["LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3"])
    }

    /// An adapter that brings a classifier for the base's 12 classes.
    private static func adapterWithHead(
        in folder: TestFolder, _ edit: (inout AdapterEdit) -> Void = { _ in }
    ) throws -> String {
        let adapter = try folder.copy(Golden.path("adapters/modern-qv"), to: "adapter")
        let base = try ArrayFile(path: Golden.path("models/stride10/model.safetensors"))
        var tensors = try AdapterEdit(reading: adapter)
        for name in base.names where name.hasPrefix("classifier.") {
            tensors.set("base_model.model." + name, try base.shape(name), try base.floats(name))
        }
        edit(&tensors)
        try tensors.write(to: "adapter", in: folder)
        return adapter
    }

    @Test func `A trained head of the base's size without labels gets numbered labels, and a warning`() throws
    {
        let folder = try TestFolder()
        let adapter = try Self.adapterWithHead(in: folder) {
            $0.change("base_model.model.classifier.dense.bias") { $0[11] += 0.5 }
        }
        let model = Golden.path("models/stride10")
        let numbered = (0..<12).map { "LABEL_\($0)" }
        let network = try TestNetwork(directory: model, adapter: adapter, threads: 1)
        #expect(network.config.labels == numbered)
        let warnings = try #require(network.merged?.warnings)
        #expect(warnings.count == 1 && warnings[0].contains("LABEL_0 to LABEL_11"), "\(warnings)")
        try folder.write(#"{"problem_type": "multi_label_classification"}"#, to: "adapter/config.json")
        #expect(try TestNetwork(directory: model, adapter: adapter, threads: 1).config.labels == numbered)
    }

    @Test func `A copy of the base's head keeps the base's labels`() throws {
        let folder = try TestFolder()
        let adapter = try Self.adapterWithHead(in: folder)
        let network = try TestNetwork(directory: Golden.path("models/stride10"), adapter: adapter, threads: 1)
        #expect(try network.config.labels == Self.config("stride10").labels)
        #expect(network.merged?.warnings == [])
    }

    @Test func `An adapter's labels that do not match its head are rejected`() throws {
        let folder = try TestFolder()
        let adapter = try folder.copy(Golden.path("adapters/new-head"), to: "adapter")
        let path = adapter + "/config.json"
        func error(_ keys: [String]) throws -> ModelError? {
            let labels = Dictionary(uniqueKeysWithValues: keys.map { ($0, ConfigEdit.text("label")) })
            try ConfigEdit.set("id2label", to: .object(labels), in: adapter)
            return loadingError(Golden.path("models/stride10"), adapter: adapter)
        }
        #expect(
            try error(["0", "1", "2"])
                == .unsupported(
                    path: path, key: "number of labels in id2label", found: "3",
                    wanted: "4, the rows of the classifier"))
        #expect(
            try error(["0", "1", "2", "4"]) == .malformed(path: path, problem: "id2label has no entry 3"))
        try folder.write(
            #"{"id2label": {"0": "a", "0": "b", "1": "c", "2": "d", "3": "e"}}"#, to: "adapter/config.json")
        #expect(
            loadingError(Golden.path("models/stride10"), adapter: adapter)?.description.contains(
                "duplicate key `0`") == true)
    }

    @Test func `The problem type is that of config json`() throws {
        #expect(try Self.config("single-label").problemType == .singleLabel)
        #expect(try Self.config("multi-label").problemType == .multiLabel)
        #expect(try Self.config("no-problem-type").problemType == nil)
    }

    @Test func `Labels that do not match the head are rejected`() throws {
        let folder = try TestFolder()
        let model = try folder.copy(Golden.path("models/single-label"), to: "model")
        let path = model + "/config.json"
        func labels(_ keys: [String]) -> ConfigEdit {
            .object(Dictionary(uniqueKeysWithValues: keys.map { ($0, .text("label")) }))
        }
        try ConfigEdit.set("id2label", to: labels(["0", "1", "2", "3"]), in: model)
        #expect(
            loadingError(model)
                == .unsupported(
                    path: path, key: "number of labels in id2label", found: "4",
                    wanted: "5, the rows of the classifier"))
        try ConfigEdit.set("id2label", to: labels(["0", "1", "2", "3", "5"]), in: model)
        #expect(loadingError(model) == .malformed(path: path, problem: "id2label has no entry 4"))
        try ConfigEdit.set("id2label", to: nil, in: model)
        let network = try TestNetwork(directory: model, threads: 1)
        #expect(network.config.labels == (0..<5).map { "LABEL_\($0)" }, "as transformers does")
    }

    @Test func `The front end's settings are read unchanged`() throws {
        let speechCommands = try Self.config("speech-commands").features
        #expect(speechCommands.mean == -6.845978 && speechCommands.standardDeviation == 5.5654526)
        #expect(speechCommands.frames == 128 && speechCommands.melBins == 128 && speechCommands.normalises)
        #expect(try !Self.config("no-normalize").features.normalises)
        let odd = try Self.config("odd").features
        #expect(odd.mean == -5.5 && odd.standardDeviation == 3.25 && odd.melBins == 80 && odd.frames == 77)
    }
}
