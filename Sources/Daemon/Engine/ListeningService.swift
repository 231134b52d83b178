internal import Capture
internal import Logging
internal import ServiceLifecycle
private import SystemSupport

/// Runs the engine loop on a thread of its own, so that a forward pass blocks no other thread, and stops the
/// sources when the loop returns or throws.
struct ListeningService: Service {
    let engine: EngineLoop
    /// Stops all sources.
    let stopSources: @Sendable () -> Void
    /// Why a source ended other than by its end.
    var failure: @Sendable () -> CaptureError? = { nil }
    let logger: Logger
    /// Called when the last window has been classified.
    var onEnd: @Sendable () -> Void = {}
    /// Called when the service group runs: from here on SIGTERM shuts the daemon down gracefully.
    let onReady: @Sendable () -> Void

    /// Returns after a graceful shutdown, or when a file or standard input has ended, which ends the daemon.
    ///
    /// - Throws: ``PipelineError``; ``DaemonError/source(_:)`` when the source could not be read to its end.
    func run() async throws {
        defer {
            // Also when the thread could not be started: no request must wait for a reply that never comes.
            engine.commands.close()
            onEnd()
            stopSources()
            logger.debug("stopped listening")
        }
        onReady()
        try await withGracefulShutdownHandler {
            try await runOnOwnThread { () throws(PipelineError) in try engine.run() }
        } onGracefulShutdown: {
            engine.commands.post(.stop)
        }
        if let failure = failure() { throw DaemonError.source(failure) }
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
