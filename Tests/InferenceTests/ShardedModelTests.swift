import TestSupport
import Testing

@testable import Inference

/// `model.safetensors.index.json` and its shards.
@Suite struct ShardedModelTests {
    private static let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    private static let index = "model.safetensors.index.json"

    /// A copy of stride10 in two shards; `edit` changes the places of the tensors in the index.
    private func sharded(
        totalSize: String? = nil, edit: (inout [String: String]) -> Void = { _ in }
    ) throws -> EditedModel {
        let model = try EditedModel()
        try model.remove("model.safetensors")
        let file = try TensorFile(model: "stride10")
        let names = file.tensors.keys.sorted()
        let first = Set(names.prefix(names.count / 2))
        try model.write(file.filtered(first.contains).bytes(), to: Self.shards[0])
        try model.write(file.filtered { !first.contains($0) }.bytes(), to: Self.shards[1])
        var places = Dictionary(
            uniqueKeysWithValues: names.map { ($0, Self.shards[first.contains($0) ? 0 : 1]) })
        edit(&places)
        let map = places.sorted { $0.key < $1.key }.map { #""\#($0.key)":"\#($0.value)""# }
        try model.write(
            #"{"metadata":{"total_size":\#(totalSize ?? "\(file.byteCount)")},"weight_map":{\#(map.joined(separator: ","))}}"#
                .utf8, to: Self.index)
        return model
    }

    @Test func `A model in shards computes what it computes in one file`() throws {
        let model = try sharded()
        #expect(try model.logits() == EditedModel.logits(Golden.path("models/stride10")))
        let base = try BaseModel(directory: model.path)
        #expect(base.notes.isEmpty)
        #expect(base.weightsPaths == Self.shards.map { model.path + "/" + $0 })
        var digest = Digest()
        for path in base.weightsPaths { try digest.add(file: path) }
        #expect(try base.weightsDigest() == digest.hexadecimal())
    }

    @Test func `A float total_size and an index without metadata are accepted`() throws {
        let size = try TensorFile(model: "stride10").byteCount
        #expect(try sharded(totalSize: "\(size).0").error == nil)
        #expect(try sharded(totalSize: "null").error == nil)
    }

    @Test func `Packed weights of shards are cached under both shards' contents`() throws {
        let folder = try TestFolder()
        func packed(_ model: EditedModel) throws -> [String] {
            _ = try BaseModel(
                directory: model.path, precision: .int8, cache: PackedCache(directory: folder.file("cache")))
            return try TestFolder.names(in: folder.file("cache")).filter { $0.hasSuffix(".packed") }.sorted()
        }
        let model = try sharded()
        let first = try packed(model)
        #expect(first.count == 1)
        #expect(try packed(sharded()) == first, "the same contents elsewhere")
        var file = try TensorFile(model: "stride10").filtered { _ in true }
        let inSecond = try TensorFile(model: "stride10").tensors.keys.sorted().last ?? ""
        file.tensors[inSecond]?.values[0] += 1
        let names = file.tensors.keys.sorted()
        let second = Set(names.dropFirst(names.count / 2))
        try model.write(file.filtered(second.contains).bytes(), to: Self.shards[1])
        #expect(try packed(model).count == 2, "another second shard")
    }

    @Test func `Of a single file and an index the file counts, and a note says so`() throws {
        let model = try sharded()
        try model.folder.copy(Golden.path("models/stride10/model.safetensors"), to: "model/model.safetensors")
        try model.write("nonsense".utf8, to: Self.shards[0])
        #expect(try model.logits() == EditedModel.logits(Golden.path("models/stride10")))
        #expect(
            try model.notes() == ["\(Self.index) is not read, because there is a model.safetensors"])
    }

    @Test func `An index of other shards is refused with the contradiction`() throws {
        let name = "audio_spectrogram_transformer.embeddings.cls_token"
        let moved = try sharded { $0[name] = Self.shards[1] }.error
        #expect(
            moved?.contains(
                "\(Self.shards[0]) has a tensor \(name), which the index places in \(Self.shards[1])")
                == true)
        let added = try sharded { $0["more.weight"] = Self.shards[1] }.error
        #expect(added?.contains("\(Self.shards[1]) has no tensor more.weight") == true)
        let dropped = try sharded { $0[name] = nil }.error
        #expect(
            dropped?.contains("\(Self.shards[0]) has a tensor \(name), which the index places nowhere")
                == true)
        let size = try TensorFile(model: "stride10").byteCount
        let other = try sharded(totalSize: "\(size + 4)").error
        #expect(other?.contains("total_size is \(size + 4), the shards have \(size) bytes") == true)
        for error in [moved, added, dropped, other] {
            #expect(error?.contains("/\(Self.index): the index is of other shards") == true, "\(error ?? "")")
        }
    }

    @Test(arguments: ["../model.safetensors", "/etc/passwd", "inner/a.safetensors", "..", ""])
    func `A shard outside the directory is refused`(shard: String) throws {
        let error = try sharded { $0["classifier.dense.bias"] = shard }.error
        #expect(
            error?.contains("shard of classifier.dense.bias is \(shard), supported: the name of a file")
                == true,
            "\(error ?? "accepted")")
    }

    @Test func `A missing, a cut and a foreign shard are named`() throws {
        let model = try sharded()
        let path = model.path + "/" + Self.shards[1]
        let bytes = try TestFolder.bytes(of: path)
        try model.write(bytes.dropLast(100), to: Self.shards[1])
        #expect(model.error?.hasPrefix("\(path): truncated: ") == true, "\(model.error ?? "")")
        try model.write(
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n".utf8, to: Self.shards[1])
        #expect(model.error == "\(path) is a Git LFS pointer, not the weights: run git lfs pull")
        try model.remove(Self.shards[1])
        #expect(
            model.error
                == "\(path): no such file: \(model.path)/\(Self.index) names it: download it")
    }

    @Test func `A shard without an index is named`() throws {
        let model = try sharded()
        try model.remove(Self.index)
        #expect(
            model.error
                == "\(model.path)/model.safetensors: no such file: \(Self.shards[0]) is a shard: download "
                + "\(Self.index), which names all shards")
    }

    @Test func `A wrong shape in a shard names the shard`() throws {
        let model = try sharded()
        var file = try TensorFile(model: "stride10")
        let names = file.tensors.keys.sorted()
        file.tensors["classifier.dense.bias"] = ([2, 6], file.tensors["classifier.dense.bias"]?.values ?? [])
        try model.write(
            file.filtered(Set(names.dropFirst(names.count / 2)).contains).bytes(), to: Self.shards[1])
        #expect(
            model.error?.hasPrefix("\(model.path)/\(Self.shards[1]): classifier.dense.bias is [2, 6]")
                == true,
            "\(model.error ?? "")")
    }
}
