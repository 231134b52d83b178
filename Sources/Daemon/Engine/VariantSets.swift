internal import Recognizer

/// Which variants score the windows of which source. A variant that is in several sets is one network in
/// memory.
struct VariantSets: Sendable {
    /// For sources without a set of their own; at least one.
    var common: [Variant]
    /// By the source's name, each at least one.
    var own: [String: [Variant]] = [:]

    /// Each variant once, those of ``common`` first.
    var all: [Variant] {
        own.sorted { $0.key < $1.key }.reduce(into: common) { all, set in
            for variant in set.value where !all.contains(where: { $0.adapter == variant.adapter }) {
                all.append(variant)
            }
        }
    }

    subscript(source: String?) -> [Variant] { source.flatMap { own[$0] } ?? common }
}

/// Names of the variants that classify.
struct AdapterChoice: Equatable, Sendable {
    /// For sources without a choice of their own; `nil` stands for the base model.
    var common: [String?] = [nil]
    /// By the source's name.
    var own: [String: [String?]] = [:]

    /// Each name once, those of ``common`` first.
    var all: [String?] {
        own.sorted { $0.key < $1.key }.reduce(into: common) { all, choice in
            for name in choice.value where !all.contains(name) { all.append(name) }
        }
    }
}
