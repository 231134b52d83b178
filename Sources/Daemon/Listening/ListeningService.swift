private import CKernels
internal import Capture
private import Glibc
internal import Logging
internal import ServiceLifecycle

/// Runs the pipeline on a thread of its own, so that a forward pass blocks nobody, and stops the source when
/// the daemon shuts down.
struct ListeningService: Service {
    let pipeline: Pipeline
    let source: any AudioSource
    let logger: Logger
    /// Called once the service group runs, and with it the signals are ours: from here on SIGTERM is an order.
    let whenReady: @Sendable () -> Void

    /// Returns when the stream has ended (a file), which ends the daemon, or after a graceful shutdown.
    func run() async throws {
        whenReady()
        try await withGracefulShutdownHandler {
            try await runOnOwnThread { () throws(PipelineError) in try pipeline.run() }
        } onGracefulShutdown: {
            pipeline.stop()
        }
        source.stop()
        logger.debug("stopped listening")
    }

    private func runOnOwnThread(
        _ body: @escaping @Sendable () throws(PipelineError) -> Void
    ) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let job = Unmanaged.passRetained(ThreadJob(body, continuation))
            var thread = pthread_t()
            guard pthread_create(&thread, nil, runThreadJob, job.toOpaque()) == 0 else {
                job.release()
                return continuation.resume(throwing: DaemonError.noThread)
            }
            pthread_detach(thread)
        }
    }
}

private final class ThreadJob: Sendable {
    let body: @Sendable () throws(PipelineError) -> Void
    let continuation: CheckedContinuation<Void, any Error>

    init(
        _ body: @escaping @Sendable () throws(PipelineError) -> Void,
        _ continuation: CheckedContinuation<Void, any Error>
    ) {
        self.body = body
        self.continuation = continuation
    }
}

/// A plain function, not a closure: it runs outside every actor.
private func runThreadJob(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    // SAFETY: the pointer is the retained job that `runOnOwnThread` passed.
    let job = Unmanaged<ThreadJob>.fromOpaque(argument).takeRetainedValue()
    ast_name_thread("astd-engine")
    do throws(PipelineError) {
        try job.body()
        job.continuation.resume()
    } catch {
        job.continuation.resume(throwing: error)
    }
    return nil
}
