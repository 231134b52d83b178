private import Glibc
private import NIOPosix
private import SystemSupport

/// Runs an actor on a thread of its own, at nice 10, for long computations.
final class BackgroundExecutor: SerialExecutor {
    private let thread = NIOThreadPool(numberOfThreads: 1)

    /// - Parameter name: Name of the thread, at most 15 bytes.
    init(name: String) {
        thread.start()
        thread.submit { _ in
            NamedThread.setCurrentName(name)
            // On Linux this applies to the calling thread only: setpriority(2), "C library/kernel
            // differences". Nice 10 gets about a tenth of a processor beside a busy thread of nice 0. At 19
            // it would get 1.5 %, and a client's file of seconds would take minutes on a busy machine.
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        thread.submit { [self] _ in job.runSynchronously(on: asUnownedSerialExecutor()) }
    }

    /// Waits for the jobs that have started. Nothing may be enqueued afterwards.
    func finish() async { try? await thread.shutdownGracefully() }
}
