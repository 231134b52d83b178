private import CSystemSupport
private import Glibc

/// Starts programs on the thread `astd-spawn`, which never ends.
///
/// The kernel kills a program with the thread that started it, so a program ends with this process, however
/// that ends. A thread that ends earlier, such as a job's, would end its programs.
///
/// Threading: any thread.
enum ChildStarter {
    /// A program that one thread waits for and ``thread`` starts.
    final class Request: @unchecked Sendable {
        // SAFETY: written by the waiting thread before it is queued and after it was answered, by the
        // starting thread in between; the queue's lock orders them.
        private var arguments: [UnsafeMutablePointer<CChar>?]
        private var environment: [UnsafeMutablePointer<CChar>?]
        private let path: [CChar]
        private let input: Int32
        private var limits: astd_child_limits
        private(set) var child: Int32 = 0
        private(set) var output: Int32 = -1
        private(set) var errors: Int32 = -1
        fileprivate var answer: Int32?

        init(
            path: String, arguments: [String], environment: [String], input: Int32,
            limits: ChildProgram.Limits
        ) {
            self.path = path.systemPath
            self.arguments = ([path] + arguments).map { strdup($0.systemPath) } + [nil]
            self.environment = environment.map { strdup($0.systemPath) } + [nil]
            self.input = input
            self.limits = astd_child_limits(
                cpu_seconds: UInt64(limits.cpuSeconds), address_bytes: UInt64(limits.addressBytes),
                open_files: UInt64(limits.openFiles), writes_files: limits.writesFiles)
        }

        deinit { for text in arguments + environment { free(text) } }

        /// - Returns: The system's error number; 0 when the program runs.
        fileprivate func start() -> Int32 {
            // SAFETY: all arrays end with nil and outlive the call, which returns after exec.
            astd_spawn(&child, path, &arguments, &environment, input, &output, &errors, &limits)
        }
    }

    private struct Queue {
        var hasThread = false
        var waiting: [Request] = []
    }

    private static let queue = ConditionLocked(Queue())

    /// Starts a program and returns when it runs.
    ///
    /// - Throws: ``ChildError``.
    static func start(_ request: Request) throws(ChildError) {
        let mustCreateThread = queue.change { queue in
            queue.waiting.append(request)
            defer { queue.hasThread = true }
            return !queue.hasThread
        }
        if mustCreateThread {
            do throws(ThreadError) {
                _ = try NamedThread("astd-spawn") { serve() }
            } catch {
                queue.change { queue in
                    for request in queue.waiting { request.answer = error.code }
                    queue = Queue()
                }
            }
        }
        let number = queue.wait { _ in request.answer } ?? EAGAIN
        if number != 0 { throw ChildError(number: number) }
    }

    private static func serve() {
        while true {
            guard let request = queue.wait(for: { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() })
            else { return }
            let number = request.start()
            queue.change { _ in request.answer = number }
        }
    }
}
