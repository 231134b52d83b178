internal import Capture
internal import Wire

/// Answers `sources`: lists what `--source` accepts here.
///
/// Requests that arrive while the sound server is being asked share its answer.
actor SourceLookup {
    /// Asks the sound server; may block for seconds.
    typealias Lookup = @Sendable () throws(CaptureError) -> [PulseSourceInfo]

    /// Asks the user's PulseAudio server, if any source captures from it.
    static func pulse(_ isUsed: @escaping @Sendable () -> Bool) -> Lookup {
        { () throws(CaptureError) in isUsed() ? try listPulseSources(server: nil) : [] }
    }

    private let active: @Sendable () -> [SourceRecord]
    private let lookup: Lookup?
    private let queue = BlockingQueue("astd-sources")
    private var running: Task<Result<[PulseSourceInfo], CaptureError>, Never>?
    /// Number of requests that wait for the sound server.
    private(set) var waiting = 0

    /// - Parameters:
    ///   - active: Returns the records of the sources that the daemon captures from.
    ///   - lookup: nil when the daemon does not capture from a sound server.
    init(active: @escaping @Sendable () -> [SourceRecord], lookup: Lookup?) {
        self.active = active
        self.lookup = lookup
    }

    /// - Throws: ``RPCError`` when the sound server does not answer.
    func list() async throws(RPCError) -> SourceList {
        guard let lookup else { return SourceList(sources: Self.entries([], active())) }
        switch await found(lookup) {
        case .success(let sources): return SourceList(sources: Self.entries(sources, active()))
        case .failure(let error):
            throw RPCError(.unavailable, error.description)
        }
    }

    /// What the sound server has, and what else the daemon captures from.
    private static func entries(
        _ found: [PulseSourceInfo], _ active: [SourceRecord]
    ) -> [SourceList.Entry] {
        func entry(_ name: String, _ description: String?) -> SourceList.Entry {
            let users = active.filter { $0.name == name }
            return .init(
                name: name, description: description, isActive: !users.isEmpty,
                sources: users.compactMap(\.source))
        }
        let listed = found.map {
            entry(SourceSpec.pulse(pattern: $0.name).description, $0.description)
        }
        var others: [String] = []
        for record in active
        where !others.contains(record.name) && !listed.contains(where: { $0.name == record.name }) {
            // A pattern without a match captures from nothing that the server has.
            if found.isEmpty || !record.name.hasPrefix("pulse") { others.append(record.name) }
        }
        return listed + others.map { entry($0, nil) }
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
    private let sources: SourceSet
    private let pauses: PauseRegister
    /// Disconnecting takes libpulse's lock, and a pause is written to the disk.
    private let queue = BlockingQueue("astd-pause")

    init(sources: SourceSet, pauses: PauseRegister) {
        self.sources = sources
        self.pauses = pauses
    }

    /// - Parameter name: Of one source; `nil`: all.
    /// - Returns: Whether it is paused now.
    /// - Throws: ``RPCError`` for an unknown name; `failed` when a restart would end the pause.
    func pause(_ name: String?) async throws(RPCError) -> Bool {
        _ = try sources.selected(name)
        let problem = await queue.run { () -> String? in
            pauses.pause(name)
            for source in sources.all where name.map(source.answers) ?? true {
                let request = pauses.request(of: source.name)
                source.pause.change { $0.request = request }
            }
            // Nothing is recorded any more, however long the disk takes.
            return pauses.store()
        }
        if let problem { throw RPCError(.failed, "paused, but a restart would end the pause: \(problem)") }
        return true
    }

    /// - Parameter name: Of one source; `nil`: all.
    /// - Returns: Whether it is paused now.
    /// - Throws: ``RPCError`` for an unknown name; `failed` when it would be paused again after a restart.
    func resume(_ name: String?) async throws(RPCError) -> Bool {
        _ = try sources.selected(name)
        let problem = await queue.run { () -> String? in
            pauses.resume(name, present: sources.all.compactMap(\.name))
            let problem = pauses.store()
            for source in sources.all where name.map(source.answers) ?? true {
                source.pause.change { $0.resume() }
            }
            return problem
        }
        if let problem {
            throw RPCError(.failed, "resumed, but a restart would pause again: \(problem)")
        }
        return false
    }
}
