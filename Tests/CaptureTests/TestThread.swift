import Glibc

/// A thread of a test; joined before it goes.
final class TestThread: Sendable {
    private let handle: pthread_t

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    init(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, Unmanaged.passRetained(Body(body)).toOpaque())
        precondition(failure == 0, "a test can start a thread")
        handle = thread
    }

    /// Takes the right to read everybody's files from the calling thread, and from no other; for tests that run as
    /// root, where no file is forbidden. The C library's module does not show the call.
    static func giveUpRoot() {
        typealias SetUser = @convention(c) (UInt32) -> Int32
        guard getuid() == 0, let symbol = dlsym(nil, "setfsuid") else { return }
        // SAFETY: this is the signature of setfsuid(2).
        _ = unsafeBitCast(symbol, to: SetUser.self)(65_534)
    }

    func join() { pthread_join(handle, nil) }
}
