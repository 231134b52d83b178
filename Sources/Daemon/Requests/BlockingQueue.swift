private import Dispatch

/// Runs calls that may block (libpulse, /proc, the disk) one after the other, outside Swift's cooperative
/// thread pool.
///
/// The pool has one thread per core and serves all requests: two blocked threads would stop every client on a
/// machine with two cores. Calls that may block each other use queues of their own.
///
/// Threading: ``run(_:)`` from any task.
final class BlockingQueue: Sendable {
    private let queue: DispatchQueue

    /// - Parameter name: For debuggers.
    init(_ name: String) { queue = DispatchQueue(label: name) }

    /// Runs `body` on the queue and suspends the caller until it has returned.
    func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: body()) }
        }
    }
}
