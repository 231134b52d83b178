/// The files of a model's weights: one safetensors file, or the shards that an index names.
final class WeightFiles {
    /// The safetensors file or the index.
    let path: String
    let files: [SafetensorsFile]
    /// Indices into `files` by tensor name.
    private let places: [String: Int]

    /// - Parameter path: A safetensors file, or an index (``ShardIndex/suffix``).
    /// - Throws: ``ModelError``: as ``SafetensorsFile`` and ``ShardIndex``.
    init(path: String) throws(ModelError) {
        self.path = path
        if path.hasSuffix(ShardIndex.suffix) {
            files = try ShardIndex(path: path).open()
        } else {
            files = [try SafetensorsFile(mapping: path)]
        }
        var places: [String: Int] = [:]
        for (index, file) in files.enumerated() {
            for name in file.names { places[name] = index }
        }
        self.places = places
    }

    /// The paths of the files that hold the tensors.
    var paths: [String] { files.map(\.path) }

    var names: some Sequence<String> { places.keys }

    /// The file that holds the tensor called `name`.
    func file(of name: String) -> SafetensorsFile? { places[name].map { files[$0] } }

    /// The most precise element type: `F32`, `F16`, ...
    var elementTypeName: String {
        let types = Set(files.map(\.elementTypeName))
        return ["F64", "F32", "BF16", "F16"].first(where: types.contains) ?? types.first ?? "F32"
    }

    /// Drops mapped pages from memory until they are read again.
    func dropPages() { for file in files { file.dropPages() } }
}
