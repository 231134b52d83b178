import Glibc
import Synchronization
import SystemSupport
import Testing

@Suite struct NamedThreadTests {
    @Test func `A thread has its name, runs once and has ended after join`() throws {
        let seen = Mutex<[String]>([])
        let thread = try NamedThread("astd-test") {
            var bytes = [UInt8](repeating: 0, count: 32)
            let file = open("/proc/thread-self/comm", O_RDONLY | O_CLOEXEC)
            let count = read(file, &bytes, bytes.count)
            close(file)
            let text = String(decoding: bytes.prefix(max(0, count - 1)), as: UTF8.self)
            seen.withLock { $0.append(text) }
        }
        thread.join()
        #expect(seen.withLock { $0 } == ["astd-test"])
    }

    @Test func `A thread blocks the signals that end the program, and not those of its own faults`() throws {
        let masks = Mutex<[Int32: Bool]>([:])
        try NamedThread("astd-test") {
            var mask = sigset_t()
            pthread_sigmask(SIG_SETMASK, nil, &mask)
            for signal in [SIGTERM, SIGINT, SIGHUP, SIGSEGV, SIGTRAP] {
                masks.withLock { $0[signal] = sigismember(&mask, signal) == 1 }
            }
        }.join()
        #expect(
            masks.withLock { $0 } == [
                SIGTERM: true, SIGINT: true, SIGHUP: true, SIGSEGV: false, SIGTRAP: false,
            ])
    }

    @Test func `Starting a thread leaves the signals of the caller as they were`() throws {
        var before = sigset_t()
        pthread_sigmask(SIG_SETMASK, nil, &before)
        try NamedThread("astd-test") {}.join()
        var after = sigset_t()
        pthread_sigmask(SIG_SETMASK, nil, &after)
        for signal: Int32 in 1..<32 { #expect(sigismember(&before, signal) == sigismember(&after, signal)) }
    }

    @Test func `A thread that the system refuses is an error that names the limit to check`() throws {
        // More than an address space holds: the system has no room for the stack.
        let stackBytes = 1 << 48
        let wasStarted = Atomic<Bool>(false)
        let error = #expect(throws: ThreadError.self) {
            _ = try NamedThread("astd-test", stackBytes: stackBytes) {
                wasStarted.store(true, ordering: .relaxed)
            }
        }
        #expect(error?.name == "astd-test")
        #expect(error?.code == EAGAIN)
        #expect(error?.description == "cannot create a thread; check `ulimit -u`")
        let started = wasStarted.load(ordering: .relaxed)
        #expect(!started)
    }

    @Test func `Threads that are not joined give their stacks back`() throws {
        let before = try Self.mappingCount()
        for _ in 0..<1000 {
            let done = ConditionLocked(false)
            _ = try NamedThread("astd-test") { done.change { $0 = true } }
            _ = done.wait { $0 ? true : nil }
        }
        // A stack that stays is two mappings. Other tests run in this process too.
        #expect(try Self.mappingCount() - before < 1000)
    }

    private static func mappingCount() throws -> Int {
        let file = try #require(fopen("/proc/self/maps", "re"))
        defer { fclose(file) }
        var count = 0
        while true {
            let byte = getc(file)
            if byte == EOF { return count }
            if byte == 10 { count += 1 }
        }
    }
}
