internal import NIOCore
internal import NIOHTTP1
internal import SystemSupport

/// Threads for what blocks: reading the database and clips, and asking daemons. The event loop waits for none
/// of them, and neither does what follows the daemons.
///
/// Threading: ``submit(on:_:)`` and ``stop()`` on any thread; ``run(_:)`` blocks its own, one for each job at
/// a time.
final class PageQueue: Sendable {
    /// Receives nil if the gateway stops before its turn.
    private typealias Job = @Sendable (PageReader?) -> Void

    private struct State {
        var jobs = CircularBuffer<Job>()
        var isStopped = false
    }

    private let capacity: Int
    private let state = ConditionLocked(State())

    /// - Parameter capacity: Jobs that wait; more are refused.
    init(capacity: Int) { self.capacity = capacity }

    /// Runs `work` on a thread of this queue; the result arrives on the event loop.
    ///
    /// - Returns: Fails with a ``PageRefusal``, also if too many jobs wait.
    func submit<Value: Sendable>(
        on loop: any EventLoop, _ work: @escaping @Sendable (PageReader) throws(PageRefusal) -> Value
    ) -> EventLoopFuture<Value> {
        let promise = loop.makePromise(of: Value.self)
        let isAccepted = state.change { state in
            guard !state.isStopped, state.jobs.count < capacity else { return false }
            state.jobs.append { reader in
                guard let reader else { return promise.fail(PageRefusal.busy) }
                do throws(PageRefusal) { promise.succeed(try work(reader)) } catch { promise.fail(error) }
            }
            return true
        }
        if !isAccepted { promise.fail(PageRefusal.busy) }
        return promise.futureResult
    }

    /// Ends the threads; what waits is refused.
    func stop() {
        let jobs = state.change { state in
            defer { state.jobs.removeAll() }
            state.isStopped = true
            return state.jobs
        }
        for job in jobs { job(nil) }
    }

    /// Returns after ``stop()``.
    func run(_ reader: PageReader) {
        while true {
            let next: Job?? = state.wait { state in
                if state.isStopped { return .some(nil) }
                return state.jobs.popFirst().map { .some($0) }
            }
            guard let job = next.flatMap({ $0 }) else { return }
            job(reader)
        }
    }
}

/// The queues of the page, and their threads.
struct PageQueues: Sendable {
    /// The database and clips.
    let reads = PageQueue(capacity: 64)
    /// Requests to daemons, which may take seconds.
    let requests = PageQueue(capacity: 16)
    private let settings: GatewaySettings

    private static let threadsEach = 2

    init(_ settings: GatewaySettings) { self.settings = settings }

    /// - Throws: ``ThreadError``; the threads before have to be ended with ``stop()``.
    func start() throws(ThreadError) -> [NamedThread] {
        var threads: [NamedThread] = []
        for (name, queue) in [("gw-page-read", reads), ("gw-page-ask", requests)] {
            for _ in 1...Self.threadsEach {
                threads.append(
                    try NamedThread(name) { [settings] in queue.run(PageReader(settings.history)) })
            }
        }
        return threads
    }

    func stop() {
        reads.stop()
        requests.stop()
    }
}

/// What a thread of ``PageQueue`` reads from.
///
/// Threading: one thread.
final class PageReader {
    private let settings: GatewaySettings.History
    private var reader: HistoryReader?
    private var clips = ClipIndex()

    init(_ settings: GatewaySettings.History) { self.settings = settings }

    /// The database; opened at the first use.
    func history() throws(PageRefusal) -> HistoryReader {
        if let reader { return reader }
        guard let path = settings.path else {
            throw PageRefusal(.notFound, "no_history", "no history is kept: set history.path")
        }
        do throws(HistoryFailure) {
            let reader = try HistoryReader(path: path)
            self.reader = reader
            return reader
        } catch {
            throw Self.refusal(error)
        }
    }

    /// Path of the clip of an event; nil: none.
    func clip(_ event: HistoryEvent) -> String? { event.clip ?? clips.path(of: event.id, in: settings.clips) }

    /// Calls the database.
    func query<Value>(
        _ body: (HistoryReader) throws -> Value
    ) throws(PageRefusal) -> Value {
        let history = try history()
        do { return try body(history) } catch {
            // Opened again at the next use: the file may have been replaced.
            reader = nil
            throw Self.refusal(error)
        }
    }

    private static func refusal(_ error: any Error) -> PageRefusal {
        PageRefusal(.serviceUnavailable, "history_unavailable", "the history cannot be read: \(error)")
    }
}
