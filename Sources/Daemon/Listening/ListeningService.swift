internal import Capture
internal import Logging
internal import ServiceLifecycle
private import SystemSupport

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
            do throws(ThreadError) {
                _ = try NamedThread("astd-engine") {
                    do throws(PipelineError) {
                        try body()
                        continuation.resume()
                    } catch {
                        continuation.resume(throwing: error)
                    }
                }
            } catch {
                continuation.resume(throwing: DaemonError.thread(error))
            }
        }
    }
}
