private import Synchronization

/// Numbers that all sources of a run share: one series of predictions, and one of events.
///
/// Threading: the engine thread counts; any thread may read.
final class RecordNumbers: Sendable {
    private let predictionCount = Atomic<UInt64>(0)
    private let eventCount = Atomic<UInt64>(0)

    /// Predictions so far, which is the number of the last one.
    var predictions: UInt64 { predictionCount.load(ordering: .relaxed) }

    func countPrediction() { predictionCount.add(1, ordering: .relaxed) }

    func nextEvent() -> UInt64 { eventCount.add(1, ordering: .relaxed).newValue }
}
