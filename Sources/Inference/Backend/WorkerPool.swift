private import Dispatch
private import Synchronization
internal import SystemSupport

/// The threads of the forward pass. Nothing else parallelises it: the BLAS library is limited to one thread.
/// Workers sleep while they have no work. The calling thread is worker 0.
final class WorkerPool {
    let count: Int
    private let team: Team
    private var threads: [NamedThread] = []

    /// Starts a thread, as ``NamedThread`` does.
    typealias StartThread = (String, @escaping @Sendable () -> Void) throws(ThreadError) -> NamedThread

    /// - Parameters:
    ///   - count: Workers including the caller, at least 1.
    ///   - startThread: A seam for tests.
    /// - Throws: ``ThreadError``, after the threads that had been started have ended.
    init(
        count: Int,
        startThread: StartThread = { name, body throws(ThreadError) in try NamedThread(name, body: body) }
    ) throws(ThreadError) {
        precondition(count >= 1)
        self.count = count
        team = Team(helpers: count - 1)
        for worker in 1..<max(count, 1) {
            threads.append(
                try startThread("astd-worker-\(worker)") { [team] in
                    _ = Denormals.flush()
                    team.help(worker: worker)
                })
        }
    }

    deinit {
        team.stop()
        for thread in threads { thread.join() }
    }

    /// Runs `body(worker)` once on every worker, and returns when all have finished.
    func run(_ body: (Int) -> Void) {
        let state = Denormals.flush()
        defer { Denormals.restore(state) }
        if count == 1 { return body(0) }
        withoutActuallyEscaping(body) { body in
            team.begin(body)
            body(0)
            team.finish()
        }
    }

    /// Runs `body` for the items 0..<items, each on the next free worker.
    func distribute(_ items: Int, _ body: (_ worker: Int, _ item: Int) -> Void) {
        team.nextItem.store(0, ordering: .relaxed)
        let team = team
        run { worker in
            while true {
                let item = team.nextItem.wrappingAdd(1, ordering: .relaxed).oldValue
                guard item < items else { return }
                body(worker, item)
            }
        }
    }
}

/// State shared by the caller and its helper threads.
///
/// SAFETY: `body` and `stopping` are written only while every helper waits for `work`, and the semaphore's
/// signal and wait order the write before the reads.
private final class Team: @unchecked Sendable {
    let nextItem = Atomic<Int>(0)
    private let helpers: Int
    private let work: [DispatchSemaphore]
    private let done = DispatchSemaphore(value: 0)
    private var body: ((Int) -> Void)?
    private var stopping = false

    init(helpers: Int) {
        self.helpers = helpers
        work = (0..<helpers).map { _ in DispatchSemaphore(value: 0) }
    }

    func begin(_ body: @escaping (Int) -> Void) {
        self.body = body
        for semaphore in work { semaphore.signal() }
    }

    func finish() {
        for _ in 0..<helpers { done.wait() }
        body = nil
    }

    func stop() {
        stopping = true
        for semaphore in work { semaphore.signal() }
    }

    func help(worker: Int) {
        while true {
            work[worker - 1].wait()
            if stopping { return }
            body?(worker)
            done.signal()
        }
    }
}
