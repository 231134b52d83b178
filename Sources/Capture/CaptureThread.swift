private import Glibc

/// A plain thread: captures need one that may block and that no executor shares.
///
/// Signals are not delivered to it; they belong to the program's own threads.
final class CaptureThread: Sendable {
    private let handle: pthread_t

    /// What the thread is given; it frees it.
    private final class Body: Sendable {
        private let name: String
        private let body: @Sendable () -> Void

        init(name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }

        func run() {
            let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
            if file >= 0 {
                _ = write(file, name, name.utf8.count)  // only for people: a failure is no harm
                close(file)
            }
            body()
        }
    }

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: As `top -H` shows it, at most 15 bytes.
    ///   - body: What it does; when this returns the thread ends.
    /// - Throws: `system` when there are too many threads.
    init(name: String, _ body: @escaping @Sendable () -> Void) throws(CaptureError) {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &before)
        var thread = pthread_t()
        // SAFETY: retained for the thread, which takes the reference over.
        let box = Unmanaged.passRetained(Body(name: name, body))
        let failure = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, box.toOpaque())
        pthread_sigmask(SIG_SETMASK, &before, nil)
        guard failure == 0 else {
            box.release()
            throw .system(name: name, operation: "start a thread", reason: SystemError.text(failure))
        }
        handle = thread
    }

    /// Waits until the thread has ended; once.
    func join() { pthread_join(handle, nil) }
}
