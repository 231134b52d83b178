/// The result of merging an adapter.
public struct MergeReport: Equatable, Sendable {
    /// Weight matrices that the method changed.
    public var matrices = 0
    /// Bytes of the tensors that the adapter changes, adds or replaces.
    public var changedBytes = 0
    /// Tensors that the adapter replaced (a new head, biases).
    public var replacedTensors = 0
    /// Smallest and largest rank; `nil` without factors of low rank.
    public var ranks: ClosedRange<Int>?
    /// What a user of the adapter should know: sentences for the log, each without the adapter's name.
    public var warnings: [String] = []

    public init(
        matrices: Int = 0, changedBytes: Int = 0, replacedTensors: Int = 0, ranks: ClosedRange<Int>? = nil
    ) {
        self.matrices = matrices
        self.changedBytes = changedBytes
        self.replacedTensors = replacedTensors
        self.ranks = ranks
    }
}
