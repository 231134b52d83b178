/// Identifies one run of the daemon, from its start to its end: 16 random hexadecimal digits.
///
/// Records are numbered from 1 in each run, so only the run and the number together are unique.
public struct RunID: Sendable, Hashable {
    public let text: String

    /// A new run.
    public init() {
        let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        text = String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The run that a client or a record names.
    public init(_ text: String) { self.text = text }

    /// The id of an event, unique over all runs.
    ///
    /// - Parameter number: Counts the events of the run from 1.
    public func eventID(_ number: UInt64) -> String { "\(text)-\(number)" }
}
