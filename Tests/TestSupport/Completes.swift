private import Dispatch
private import Synchronization

/// Runs a blocking call on a thread of its own and waits until it has returned.
///
/// - Throws: ``TestFailure`` when the call blocks for ``waitLimitSeconds``; its thread is abandoned.
package func completes(_ what: String, _ call: @escaping @Sendable () -> Void) async throws {
    let state = CallState()
    DispatchQueue(label: what).async {
        call()
        state.hasReturned.store(true, ordering: .releasing)
    }
    try await eventually("the return of \(what)") {
        state.hasReturned.load(ordering: .acquiring) ? true : nil
    }
}

private final class CallState: Sendable {
    let hasReturned = Atomic<Bool>(false)
}
