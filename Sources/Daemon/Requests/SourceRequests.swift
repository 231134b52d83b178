internal import Capture
internal import Wire

/// Answers `sources`: lists what `--source` accepts here.
///
/// Requests that arrive while the sound server is being asked share its answer.
actor SourceLookup {
    /// Asks the sound server; may block for seconds.
    typealias Lookup = @Sendable () throws(CaptureError) -> [PulseSourceInfo]

    /// Asks the user's PulseAudio server.
    static let pulse: Lookup = { () throws(CaptureError) in try listPulseSources(server: nil) }

    private let activeName: @Sendable () -> String
    private let lookup: Lookup?
    private let queue = BlockingQueue("astd-sources")
    private var running: Task<Result<[PulseSourceInfo], CaptureError>, Never>?
    /// Number of requests that wait for the sound server.
    private(set) var waiting = 0

    /// - Parameters:
    ///   - activeName: Returns the name of the source that the daemon captures from.
    ///   - lookup: nil when the daemon does not capture from a sound server.
    init(activeName: @escaping @Sendable () -> String, lookup: Lookup?) {
        self.activeName = activeName
        self.lookup = lookup
    }

    /// - Throws: ``RPCError`` when the sound server does not answer.
    func list() async throws(RPCError) -> SourceList {
        guard let lookup else {
            return SourceList(sources: [.init(name: activeName(), description: nil, isActive: true)])
        }
        switch await found(lookup) {
        case .success(let sources):
            let active = activeName()
            return SourceList(
                sources: sources.map { source in
                    let name = SourceSpec.pulse(pattern: source.name).description
                    return .init(name: name, description: source.description, isActive: name == active)
                })
        case .failure(let error):
            throw RPCError(.unavailable, error.description)
        }
    }

    private func found(_ lookup: @escaping Lookup) async -> Result<[PulseSourceInfo], CaptureError> {
        waiting += 1
        defer { waiting -= 1 }
        if let running { return await running.value }
        let task = Task { [queue] in
            await queue.run { () -> Result<[PulseSourceInfo], CaptureError> in
                do throws(CaptureError) { return .success(try lookup()) } catch { return .failure(error) }
            }
        }
        running = task
        let result = await task.value
        running = nil
        return result
    }
}

/// Answers `pause` and `resume`.
struct SourceControl: Sendable {
    let source: any AudioSource
    /// Disconnecting takes libpulse's lock.
    private let queue = BlockingQueue("astd-pause")

    init(source: any AudioSource) { self.source = source }

    /// - Returns: Whether the source is paused now.
    func pause() async -> Bool {
        await queue.run {
            source.pause()
            return true
        }
    }

    /// - Returns: Whether the source is paused now.
    func resume() async -> Bool {
        await queue.run {
            source.resume()
            return false
        }
    }
}
