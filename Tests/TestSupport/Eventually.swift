/// An error of test support: a failed set-up, or a state that was not reached.
package struct TestFailure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// How long tests wait for a state, in time that the test gets to run. When other processes take the
/// processor, each poll comes late, and lateness does not count: no test depends on how busy the machine is.
package let waitLimitSeconds = 60.0
/// What one poll counts at most: several times what it takes on an idle machine.
private let longestPoll = Duration.milliseconds(20)

/// Polls `probe` until it returns a value, without blocking a thread.
///
/// - Parameters:
///   - what: The awaited state, for the message of the failure.
///   - state: Describes what is there instead, called once when the wait fails.
/// - Throws: ``TestFailure`` after ``waitLimitSeconds``, or what `probe` throws.
@discardableResult
package func eventually<Value>(
    _ what: String, _ probe: () async throws -> Value?, otherwise state: () throws -> String? = { nil }
) async throws -> Value {
    var (waited, last) = (Duration.zero, ContinuousClock.now)
    while true {
        if let value = try await probe() { return value }
        let now = ContinuousClock.now
        waited += min(now - last, longestPoll)
        last = now
        guard waited < .seconds(waitLimitSeconds) else {
            let found = try state().map { "; found \($0)" } ?? ""
            throw TestFailure("\(what): not within \(waitLimitSeconds) s\(found)")
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Polls `value` until it satisfies `condition`, without blocking a thread.
///
/// - Throws: ``TestFailure`` with the last value after ``waitLimitSeconds``, or what `value` throws.
@discardableResult
package func eventually<Value>(
    _ what: String, _ value: () async throws -> Value, until condition: (Value) throws -> Bool
) async throws -> Value {
    var last: Value?
    return try await eventually(what) {
        let current = try await value()
        last = current
        return try condition(current) ? current : nil
    } otherwise: {
        last.map { "\($0)" }
    }
}

/// Polls `condition` until it holds, without blocking a thread.
///
/// - Throws: ``TestFailure`` after ``waitLimitSeconds``, or what `condition` throws.
package func eventually(_ what: String, that condition: () async throws -> Bool) async throws {
    try await eventually(what) { try await condition() ? true : nil }
}
