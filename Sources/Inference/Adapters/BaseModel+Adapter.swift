private import Glibc
private import Synchronization

/// Whether an adapter belongs to this base, and which labels its classes have.
extension BaseModel {
    /// ``weightsDigest()``, computed once.
    private func knownDigest() throws(ModelError) -> String {
        if let known = digest.withLock({ $0 }) { return known }
        let computed = try weightsDigest()
        digest.withLock { $0 = computed }
        return computed
    }

    /// Rejects an adapter that states the SHA-256 of another base: it may have the same shape as this one,
    /// but the scores would be wrong.
    func checkDigest(statedBy adapter: Adapter) throws(ModelError) {
        guard let stated = adapter.baseDigests.first else { return }
        let found = try knownDigest()
        guard !adapter.baseDigests.contains(where: { $0.sha256 == found }) else { return }
        throw .unsupported(
            path: stated.path, key: "the base's sha256", found: stated.sha256,
            wanted:
                "\(found), that of \(weightsPaths.joined(separator: ", ")): the adapter was trained on another base "
                + "(if its weights are the same, correct the sha256)")
    }

    /// Whether the base's labels describe the adapter's classes: it has no classifier of its own, or a copy
    /// of the base's. A trained classifier may have other classes, even if it has as many.
    func keepsLabels(with adapter: Adapter) -> Bool {
        guard adapter.replacesHead else { return true }
        return adapter.whole.filter { $0.key.hasPrefix("classifier.") }.allSatisfy { name, fileName in
            guard let own = adapter.file.tensor(fileName), let base = try? checkpoint.tensor(name, own.shape)
            else { return false }
            return memcmp(own.pointer, base.pointer, own.count * MemoryLayout<Float>.size) == 0
        }
    }

    /// What a user of the adapter should know.
    func warnings(about adapter: Adapter, _ config: ModelConfig) -> [String] {
        guard adapter.overlay?.id2label == nil, !keepsLabels(with: adapter) else { return [] }
        let last = config.labels.count - 1
        let labels =
            last == 0
            ? "no label for its class, which is LABEL_0"
            : "no labels for its \(last + 1) classes; they are LABEL_0 to LABEL_\(last)"
        return [
            "it has a classifier of its own, but \(labels) (put a config.json with id2label into "
                + "\(adapter.directory))"
        ]
    }
}
