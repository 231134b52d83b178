private import CSystemSupport
private import Glibc
private import Synchronization

/// A thread that may block, outside every executor and thread pool.
///
/// The thread blocks all signals but those of its own faults, so that the kernel delivers SIGTERM and the
/// like to the program's other threads.
///
/// Threading: `join()` may be called from any thread but its own, once. A thread that is not joined is
/// detached.
public final class NamedThread: Sendable {
    private let handle: pthread_t
    private let isJoined = Atomic<Bool>(false)

    /// What the new thread receives.
    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: As `top -H` shows it, at most 15 bytes.
    ///   - stackBytes: Size of its stack; `nil` for the system's default.
    ///   - body: Runs on the thread, which ends when it returns.
    /// - Throws: ``ThreadError`` when the system refuses another thread.
    public init(
        _ name: String, stackBytes: Int? = nil, body: @escaping @Sendable () -> Void
    ) throws(ThreadError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        if let stackBytes { pthread_attr_setstacksize(&attributes, stackBytes) }
        var thread = pthread_t()
        // SAFETY: retained for the thread, which releases it.
        let start = Unmanaged.passRetained(Start(name, body))
        // A thread inherits its creator's mask, so that no signal can arrive before the thread has its own.
        let previousMask = Self.blockSignals()
        let code = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                NamedThread.setCurrentName(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        Self.restoreSignals(previousMask)
        guard code == 0 else {
            start.release()
            throw ThreadError(name: name, code: code)
        }
        handle = thread
    }

    deinit {
        if !isJoined.load(ordering: .relaxed) { pthread_detach(handle) }
    }

    /// Returns when the thread has ended.
    public func join() {
        let wasJoined = isJoined.exchange(true, ordering: .relaxed)
        precondition(!wasJoined, "a thread is joined once")
        pthread_join(handle, nil)
    }

    /// Names the calling thread, for threads that a library has started.
    public static func setCurrentName(_ name: String) { astd_name_thread(name) }

    private static func blockSignals() -> sigset_t {
        var blocked = sigset_t()
        sigfillset(&blocked)
        // Blocked faults would end the process before a handler can report them.
        for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS] {
            sigdelset(&blocked, fault)
        }
        var previous = sigset_t()
        pthread_sigmask(SIG_SETMASK, &blocked, &previous)
        return previous
    }

    private static func restoreSignals(_ mask: sigset_t) {
        var mask = mask
        pthread_sigmask(SIG_SETMASK, &mask, nil)
    }
}

/// The system refused to start a thread.
public struct ThreadError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The name that the thread would have had.
    public let name: String
    /// pthread_create's error number, EAGAIN in practice.
    public let code: Int32

    package init(name: String, code: Int32) {
        self.name = name
        self.code = code
    }

    public var description: String { "cannot create a thread; check `ulimit -u`" }
}
