private import Inference
internal import Logging
internal import Recognizer
private import NIOConcurrencyHelpers
private import SystemSupport

/// What was measured before the first window, for the log and for `status`.
///
/// Threading: any thread.
final class LoadReport: Sendable {
    private let facts: PassLoad.Facts
    private let logger: Logger
    private let load = NIOLockedValueBox<PassLoad?>(nil)

    /// - Parameter variants: At least one.
    init(_ variants: [Variant], threads: Int, logger: Logger) {
        let precisions = Set(variants.map(\.network.precision.rawValue)).sorted()
        facts = PassLoad.Facts(
            isQuantized: variants.allSatisfy { $0.network.precision == .int8 },
            precision: precisions.joined(separator: " and "), threads: threads,
            processors: Processors.usableCount)
        self.logger = logger
    }

    /// Logs what was measured.
    func report(_ load: PassLoad) {
        self.load.withLockedValue { $0 = load }
        if let problem = load.problem(facts) {
            logger.warning("\(problem)")
        } else {
            logger.info("\(load.summary(facts))")
        }
    }

    /// The shortest hop with some time to spare; `nil` before the measurement.
    var shortestHopSeconds: Double? { load.withLockedValue { $0?.shortestHopSeconds } }

    /// Why the hops of the settings cannot be kept; `nil` when they can.
    var problem: String? { load.withLockedValue { $0?.problem(facts) } }
}
