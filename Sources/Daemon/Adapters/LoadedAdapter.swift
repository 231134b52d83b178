internal import Inference
internal import Recognizer
internal import Wire

/// An adapter that is in memory and fits the base model. Its matrices are merged when it is used; until then
/// it needs as much memory as its file.
struct LoadedAdapter: Sendable {
    let name: String
    /// As it was named; the adapter may be in the only folder in it.
    let directory: String
    let sha256: String
    let adapter: Adapter
    let labels: [String]
    let windowSeconds: Double
    let merged: MergeReport
    /// Of its network: fp32 where int8 would change the scores too much.
    let precision: String
    let warnings: [String]

    /// Reads an adapter and merges it once, which also finds weights that become NaN or infinite.
    ///
    /// - Returns: The adapter, and the base model with it.
    /// - Throws: ``ModelError``: the adapter does not fit.
    static func load(
        _ directory: String, named name: String, into base: VariantMaker
    ) throws(ModelError) -> (LoadedAdapter, Variant) {
        // Computed before the files are read: if one changes meanwhile, the next reload finds the difference.
        let sha256 = try Adapter.digest(directory: directory)
        let adapter = try Adapter(directory: directory)
        let variant = try base.variant(adapter, named: name)
        let loaded = LoadedAdapter(
            name: name, directory: directory, sha256: sha256, adapter: adapter, labels: variant.labels,
            windowSeconds: variant.windowSeconds, merged: variant.network.merged ?? MergeReport(),
            precision: variant.network.precision.rawValue,
            warnings: variant.warnings + GroupProblems.collisions(in: variant))
        return (loaded, variant)
    }

    func entry(isActive: Bool) -> AdapterList.Entry {
        AdapterList.Entry(
            name: name, path: adapter.directory, isActive: isActive, labels: labels.count,
            matrices: merged.matrices, ranks: merged.ranks, bytes: merged.changedBytes,
            precision: precision, sha256: sha256, warnings: warnings)
    }
}
