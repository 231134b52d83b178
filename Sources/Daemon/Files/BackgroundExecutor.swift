private import CKernels
private import Glibc
private import NIOPosix

/// A thread of its own, at the lowest priority, for an actor whose work takes as long as it takes.
final class BackgroundExecutor: SerialExecutor {
    private let thread = NIOThreadPool(numberOfThreads: 1)

    /// - Parameter name: Of the thread, at most 15 bytes.
    init(name: String) {
        thread.start()
        thread.submit { _ in
            ast_name_thread(name)
            // Of this thread alone, Linux says (setpriority(2), C library differences).
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        thread.submit { [self] _ in job.runSynchronously(on: asUnownedSerialExecutor()) }
    }

    /// Waits until what was begun is done; nothing is to be enqueued after.
    func finish() async { try? await thread.shutdownGracefully() }
}
