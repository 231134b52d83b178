internal import Inference
internal import Recognizer
internal import Wire

/// An adapter whose factors are in memory and known to fit the base. Its matrices are merged when it is used: until
/// then it costs no more than its file.
struct LoadedAdapter: Sendable {
    let name: String
    let directory: String
    let sha256: String
    let adapter: LoRAAdapter
    let labels: [String]
    let windowSeconds: Double
    let merged: MergeReport

    /// Reads the directory. Merging once shows what no look at the factors can: that all weights are numbers.
    ///
    /// - Returns: The adapter, and the variant that it makes of the base.
    /// - Throws: ``ModelError``: the adapter does not fit.
    static func load(
        _ directory: String, named name: String, into base: VariantMaker
    ) throws(ModelError) -> (LoadedAdapter, Variant) {
        // Before the files are read: when one changes meanwhile, the next reload finds a difference.
        let sha256 = try LoRAAdapter.digest(directory: directory)
        let adapter = try LoRAAdapter(directory: directory)
        let variant = try base.variant(adapter, named: name)
        let loaded = LoadedAdapter(
            name: name, directory: directory, sha256: sha256, adapter: adapter, labels: variant.labels,
            windowSeconds: variant.windowSeconds, merged: variant.network.merged ?? MergeReport())
        return (loaded, variant)
    }

    func entry(isActive: Bool) -> AdapterList.Entry {
        AdapterList.Entry(
            name: name, path: directory, isActive: isActive, labels: labels.count, matrices: merged.matrices,
            ranks: merged.ranks, bytes: merged.changedBytes, sha256: sha256)
    }
}
