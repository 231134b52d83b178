private import Glibc

/// A value that several threads change, and whose changes they wait for: a mutex with a condition variable.
///
/// Threading: any thread. The closures run with the lock held, so they must be short and must not use the
/// same lock.
///
/// SAFETY: `value` is accessed only with `mutex` held.
public final class ConditionLocked<Value>: @unchecked Sendable {
    private var value: Value
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>

    public init(_ value: Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        changed = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Changes the value and wakes all threads that wait.
    public func change<Result>(_ body: (inout Value) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        defer { pthread_cond_broadcast(changed) }
        return body(&value)
    }

    /// Blocks until `body` returns a result; it is called again after each change.
    ///
    /// - Parameters:
    ///   - milliseconds: Longest time to wait; `nil` for no limit.
    ///   - body: May change the value when it returns a result.
    /// - Returns: `nil` when the time is over.
    public func wait<Result>(
        milliseconds: Int? = nil, for body: (inout Value) -> Result?
    ) -> Result? {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        let nanoseconds = deadline.tv_nsec + (milliseconds ?? 0) * 1_000_000
        deadline.tv_sec += nanoseconds / 1_000_000_000
        deadline.tv_nsec = nanoseconds % 1_000_000_000
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value) {
                // The change that came with the result may be what another thread waits for.
                pthread_cond_broadcast(changed)
                return result
            }
            if milliseconds == nil {
                pthread_cond_wait(changed, mutex)
            } else if pthread_cond_timedwait(changed, mutex, &deadline) == ETIMEDOUT {
                return body(&value)
            }
        }
    }
}
