private import Glibc

/// A thread of a test, to be joined.
package final class TestThread: Sendable {
    private let handle: pthread_t

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    package init(_ body: @escaping @Sendable () -> Void) {
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

    package func join() { pthread_join(handle, nil) }

    /// Makes the calling thread, and no other, subject to file permissions when the tests run as root.
    package static func dropRootFileAccess() {
        typealias SetUser = @convention(c) (UInt32) -> Int32
        // The C library's module does not declare setfsuid.
        guard getuid() == 0, let symbol = dlsym(nil, "setfsuid") else { return }
        // SAFETY: this is the signature of setfsuid(2).
        _ = unsafeBitCast(symbol, to: SetUser.self)(65_534)
    }
}
