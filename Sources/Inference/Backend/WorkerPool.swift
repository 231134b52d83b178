private import CKernels
private import Dispatch
private import Synchronization

#if canImport(Glibc)
    private import Glibc
#else
    private import Musl
#endif

/// The threads of the forward pass, and the only owner of its parallelism: the product library itself is held
/// to one thread. Workers sleep between jobs. The calling thread is worker 0.
final class WorkerPool {
    let count: Int
    private let team: Team
    private var threads: [pthread_t] = []

    /// - Parameter count: Workers including the caller, at least 1.
    init(count: Int) {
        precondition(count >= 1)
        self.count = count
        team = Team(helpers: count - 1)
        for worker in 1..<max(count, 1) {
            let start = Unmanaged.passRetained(Start(team: team, worker: worker))
            var thread = pthread_t()
            let failure = pthread_create(&thread, nil, helperThread, start.toOpaque())
            precondition(failure == 0, "cannot start a thread: \(failure)")
            threads.append(thread)
        }
    }

    deinit {
        team.stop()
        for thread in threads { pthread_join(thread, nil) }
    }

    /// Runs `body(worker)` once on every worker, and returns when all have.
    func run(_ body: (Int) -> Void) {
        let state = ast_flush_denormals()
        defer { ast_restore_denormals(state) }
        if count == 1 { return body(0) }
        withoutActuallyEscaping(body) { body in
            team.begin(body)
            body(0)
            team.finish()
        }
    }

    /// Hands out items 0..<items to whichever worker is free.
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

/// What the caller and its helpers share.
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

private final class Start {
    let team: Team
    let worker: Int

    init(team: Team, worker: Int) {
        self.team = team
        self.worker = worker
    }
}

/// A plain function, not a closure: it runs outside every actor.
private func helperThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    // SAFETY: the pointer is the retained `Start` that `WorkerPool.init` passed.
    let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
    ast_name_thread("astd-worker-\(start.worker)")
    _ = ast_flush_denormals()
    start.team.help(worker: start.worker)
    return nil
}
