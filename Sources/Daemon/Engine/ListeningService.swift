internal import Capture
internal import Logging
internal import ServiceLifecycle
private import SystemSupport

/// Runs the pipeline on the engine thread, so that a forward pass blocks nobody, and stops the source when
/// the pipeline returns or throws.
struct ListeningService: Service {
    let pipeline: Pipeline
    let source: any AudioSource
    let logger: Logger
    /// Called when the service group runs: from here on SIGTERM shuts the daemon down gracefully.
    let onReady: @Sendable () -> Void

    /// Returns when the stream has ended (a file), which ends the daemon, or after a graceful shutdown.
    func run() async throws {
        defer {
            // Also when there was no thread: nobody must wait for the engine.
            pipeline.commands.close()
            source.stop()
            logger.debug("stopped listening")
        }
        onReady()
        try await withGracefulShutdownHandler {
            try await runOnOwnThread { () throws(PipelineError) in try pipeline.run() }
        } onGracefulShutdown: {
            pipeline.commands.post(.stop)
        }
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
