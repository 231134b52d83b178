import FoundationEssentials
import TestSupport
import Testing
import TextSupport
import Wire

/// What the programs say about a model whose files contradict each other, or that has one label.
@Suite(.timeLimit(.minutes(10)))
struct ModelFilesTests {
    /// A copy of a small model whose `config.json` says `new` in place of `old`.
    private func model(
        _ name: String, replacing old: String, with new: String, in folder: TestFolder
    ) throws -> String {
        let path = try folder.copy(Astd.repository + "/Tests/Golden/models/\(name)", to: "model")
        let config = String(decoding: try TestFolder.bytes(of: path + "/config.json"), as: UTF8.self)
        try #require(config.contains(old))
        try folder.write(config.replacing(old, with: new), to: "model/config.json")
        return path
    }

    @Test func `inspect names the configuration that an adapter's weights lack`() async throws {
        let folder = try TestFolder()
        let adapter = try folder.copy(Astd.repository + "/Tests/Golden/adapters/all-linear", to: "adapter")
        try folder.remove("adapter/adapter_config.json")
        let inspected = try await Astd.run(["astd", "inspect", adapter], in: folder)
        #expect(inspected.code == 66)
        #expect(inspected.errorLines.count == 1)
        #expect(
            inspected.errorLines[0].hasPrefix(
                "astd: \(adapter)/adapter_config.json: no such file, though the adapter's weights are there"),
            "\(inspected.errorLines)")
    }

    @Test func `inspect, classify and run name what the network does not use`() async throws {
        let folder = try TestFolder()
        let model = try model(
            "stride10", replacing: "\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": 1", in: folder)
        let note =
            "model.safetensors: layer 1 is not used (16 tensors): num_hidden_layers is 1 in config.json"
        let inspected = try await Astd.run(["astd", "inspect", model], in: folder)
        #expect(inspected.code == 0)
        #expect(
            inspected.lines.contains { $0.hasPrefix("note ") && $0.hasSuffix(note) }, "\(inspected.lines)")
        #expect(
            inspected.lines.contains {
                $0.hasPrefix("normalised ") && $0.contains("(\(model)/preprocessor_config.json)")
            })
        let json = try await Astd.run(["astd", "inspect", model, "--json"], in: folder)
        #expect(try JSONObject(parsing: json.output).strings("notes") == [note])
        let classified = try await Astd.run(["astd", "classify", "--model", model, Astd.clip], in: folder)
        #expect(classified.code == 0)
        #expect(classified.errorLines == ["astd: \(model): \(note)"])
        let ran = try await Astd.run(
            [
                "astd", "run", "--model", model, "--runtime-dir", folder.path, "--source",
                "file:\(Astd.clip)",
                "--fast",
            ], in: folder)
        #expect(ran.code == 0)
        #expect(ran.errorLines.contains { $0.hasSuffix("\(model): \(note)") }, "\(ran.errorLines)")
        #expect(
            ran.errorLines.contains {
                $0.hasSuffix(
                    "model \(model): 12 labels, scores by softmax: no problem_type: one label of several, as "
                        + "transformers assumes")
            }, "\(ran.errorLines)")
    }

    @Test func `One label is scored by sigmoid, and classify says so`() async throws {
        let folder = try TestFolder()
        let model = try folder.copy(
            Astd.repository + "/Tests/Golden/models/no-problem-type", to: "model")
        try keepFirstClass(model, in: folder)
        var config = try JSONObject(parsing: TestFolder.bytes(of: model + "/config.json")).members
        config["id2label"] = .object(JSONObject(["0": .string("Siren")]))
        try folder.write(JSONText(JSONObject(config)).bytes, to: "model/config.json")
        let result = try await Astd.run(["astd", "classify", "--model", model, Astd.clip], in: folder)
        #expect(result.code == 0, "\(result.errorLines)")
        #expect(
            result.errorLines == [
                "astd: \(model): 1 label, scores by sigmoid: no problem_type, and one label, whose softmax would "
                    + "always be 1; --activation overrides it"
            ])
        #expect(!result.lines.isEmpty && !result.lines.contains { $0.contains("\"score\":1.0") })
    }

    /// Changes the header of the weights, in place: the classifier has its first row alone.
    private func keepFirstClass(_ model: String, in folder: TestFolder) throws {
        let path = model + "/model.safetensors"
        var bytes = try TestFolder.bytes(of: path)
        let file = try ArrayFile(path: path)
        let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        for name in ["classifier.dense.weight", "classifier.dense.bias"] {
            let header = String(decoding: bytes[8..<8 + length], as: UTF8.self)
            let parts = header.split(separator: "\"\(name)\":", maxSplits: 1)
            try #require(parts.count == 2)
            let old = parts[1].prefix { $0 != "}" }
            let shape = [1] + (try file.shape(name)).dropFirst()
            let first = try file.byteRange(name).lowerBound - 8 - length
            var entry =
                "{\"dtype\":\"F32\",\"shape\":[\(shape.map(String.init).joined(separator: ","))],\"data_offsets\":[\(first),\(first + 4 * shape.reduce(1, *))]"
            entry += String(repeating: " ", count: max(0, old.utf8.count - entry.utf8.count))
            try #require(entry.utf8.count == old.utf8.count)
            let changed = "\(parts[0])\"\(name)\":\(entry)\(parts[1].dropFirst(old.count))"
            bytes.replaceSubrange(8..<8 + length, with: changed.utf8)
        }
        try folder.write(bytes, to: "model/model.safetensors")
    }
}
