internal import TextSupport

/// `model.safetensors.index.json`: which shard, a safetensors file beside it, holds each tensor.
struct ShardIndex {
    static let suffix = ".safetensors.index.json"

    let path: String
    /// File names by tensor name.
    let shards: [String: String]
    /// Bytes of all tensors, where the index states it.
    private let totalSize: Double?

    /// - Throws: ``ModelError``: unreadable, malformed, a shard that is not a file beside the index.
    init(path: String) throws(ModelError) {
        self.path = path
        let file = try ConfigFile(path: path)
        let entries = try file.members("weight_map", "the name of a file") { $0.stringValue } ?? []
        guard !entries.isEmpty else {
            throw .malformed(path: path, problem: "weight_map names no tensor")
        }
        for (tensor, shard) in entries where !Self.isNameInDirectory(shard) {
            throw .unsupported(
                path: path, key: "shard of \(JSONError.shortened(tensor))", found: JSONError.shortened(shard),
                wanted: "the name of a file in the same directory")
        }
        shards = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0.value) })
        if case .object(let metadata) = file.value("metadata") {
            totalSize = metadata["total_size"]?.finiteNumber
        } else {
            totalSize = nil
        }
    }

    /// Opens the shards, in the order of their names.
    ///
    /// - Throws: ``ModelError``: as ``SafetensorsFile``; an index that does not belong to these shards.
    func open() throws(ModelError) -> [SafetensorsFile] {
        let directory = path.dropLast(path.split(separator: "/").last?.count ?? 0)
        var files: [SafetensorsFile] = []
        for shard in Set(shards.values).sorted() {
            guard ConfigFile.exists(path: directory + shard) else {
                throw .missingFile(path: directory + shard, remedy: "\(path) names it: download it")
            }
            let file = try SafetensorsFile(mapping: directory + shard)
            let promised = shards.filter { $0.value == shard }.keys
            if let missing = promised.filter({ !file.contains($0) }).min() {
                throw stale("\(shard) has no tensor \(missing), which the index places there")
            }
            if let extra = file.names.filter({ shards[$0] != shard }).min() {
                let place = shards[extra].map { "in \($0)" } ?? "nowhere"
                throw stale("\(shard) has a tensor \(extra), which the index places \(place)")
            }
            files.append(file)
        }
        let size = files.reduce(0) { $0 + $1.tensorBytes }
        if let totalSize, totalSize != Double(size) {
            throw stale("total_size is \(Int(exactly: totalSize) ?? -1), the shards have \(size) bytes")
        }
        return files
    }

    private func stale(_ contradiction: String) -> ModelError {
        .unsupported(
            path: path, key: "the index", found: "of other shards (\(contradiction))",
            wanted: "index and shards of one save: download or save all of them again")
    }

    /// Whether a name leads to a file of this directory, and no other.
    private static func isNameInDirectory(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".."
            && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
    }
}
