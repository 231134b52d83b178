internal import Capture
private import Dispatch
private import Logging
private import NIOConcurrencyHelpers
internal import Recognizer
internal import Settings
internal import Systemd
internal import Wire

/// The sources of a daemon: one without a name, or those of `sources:`, which a reload adds, removes and
/// changes while the others go on.
///
/// Threading: any thread; ``change(to:)`` by one at a time, on a thread that may block.
final class SourceSet: Sendable {
    private struct State {
        /// In the order of the settings; fewer while one of them is replaced.
        var sources: [DaemonSource] = []
        /// Those whose last window is classified.
        var ended: Set<ObjectIdentifier> = []
        /// Signalled when a source that was removed has ended.
        var awaited: [ObjectIdentifier: DispatchSemaphore] = [:]
        var isStopped = false
    }

    private let shared: DaemonSource.Shared
    private let notifier: ServiceNotifier
    private let state = NIOLockedValueBox(State())
    /// Whether systemd knows that the service is ready; locked while it is notified.
    private let isReady = NIOLockedValueBox(false)

    /// - Throws: ``CaptureError/badSpec(found:)``.
    init(
        _ settings: DaemonSettings, _ shared: DaemonSource.Shared, notifier: ServiceNotifier
    ) throws(CaptureError) {
        self.shared = shared
        self.notifier = notifier
        var sources: [DaemonSource] = []
        let captures = ChannelCaptures()
        for stream in settings.streams { sources.append(try make(stream, captures)) }
        state.withLockedValue { $0.sources = sources }
    }

    private func make(
        _ stream: StreamSettings, _ captures: ChannelCaptures
    ) throws(CaptureError) -> DaemonSource {
        try DaemonSource(stream, shared, captures) { [weak self] in self?.notify() }
    }

    // MARK: Start and end

    /// Starts all sources. One that cannot be read stops the daemon, as at every start.
    func start() throws(CaptureError) {
        for source in all {
            do throws(CaptureError) { try source.start() } catch {
                stop()
                throw error
            }
        }
    }

    func stop() {
        state.withLockedValue { $0.isStopped = true }
        for source in all { source.input.stop() }
    }

    /// Called on the engine thread when the last window of a source is classified.
    func end(of pipeline: Pipeline) {
        let (source, isLast) = state.withLockedValue { state -> (DaemonSource?, Bool) in
            guard let source = state.sources.first(where: { $0.pipeline === pipeline }) else {
                return (nil, false)
            }
            let id = ObjectIdentifier(source)
            state.ended.insert(id)
            if let waiting = state.awaited.removeValue(forKey: id) {
                waiting.signal()
                return (nil, false)
            }
            return (source, state.ended.count == state.sources.count)
        }
        // A single source without a name ends the daemon, so there is no state for clients.
        if let source, source.name != nil {
            source.monitor.end(source.input.failure?.description)
        }
        if isLast { shared.engine.post(.stop) }
    }

    /// Why a stream ended other than by its end.
    var failure: CaptureError? { all.lazy.compactMap(\.input.failure).first }

    // MARK: State

    var all: [DaemonSource] { state.withLockedValue { $0.sources } }

    /// Whether the sources have names.
    var isNamed: Bool { all.first?.name != nil }

    /// Those that a request names, or all.
    ///
    /// - Throws: ``RPCError`` for an unknown name.
    func selected(_ name: String?) throws(RPCError) -> [DaemonSource] {
        guard let name else { return all }
        if let problem = problem(with: name) { throw RPCError(.unavailable, problem) }
        return all.filter { $0.answers(to: name) }
    }

    /// Why a name in a request is not one of a source; nil if it is.
    func problem(with name: String) -> String? {
        let all = all
        let names = all.compactMap(\.name)
        if names.isEmpty {
            return "no source `\(name)`; the daemon has one source without a name, so leave the name out"
        }
        let shown = name.count > 100 ? name.prefix(100) + "…" : name
        return all.contains { $0.answers(to: name) }
            ? nil : "no source `\(shown)`; the sources are \(names.joined(separator: ", "))"
    }

    /// The line that `systemctl status` shows.
    var line: String {
        let all = all
        guard all.count > 1 || all.first?.name != nil else { return all.first?.monitor.line ?? "" }
        let faulty = all.filter { !$0.monitor.record.isFine }
        let healthy = all.count { $0.monitor.record.state == .healthy }
        var line = "listening to \(healthy) of \(all.count) sources"
        for (index, source) in faulty.enumerated() {
            let detail = "; \(source.name ?? ""): \(source.monitor.line)"
            guard line.utf8.count + detail.utf8.count <= Self.longestLine else {
                return line + "; \(faulty.count - index) more are not listening or faulty"
            }
            line += detail
        }
        return line
    }

    /// systemd ignores notifications of more than 4096 bytes.
    private static let longestLine = 4000

    /// Reports to systemd that the service is ready, with the first status line. Lines before it could fill
    /// the socket, and systemd would never learn that the service is ready.
    func reportReady() {
        isReady.withLockedValue { isReady in
            notifier.ready(status: line)
            isReady = true
        }
    }

    private func notify() {
        isReady.withLockedValue { if $0 { notifier.status(line) } }
    }

    // MARK: Changes

    /// Follows other settings: detection, clips and the like at once; a source with another input, hop or
    /// signal is stopped and starts again, with a new stream.
    ///
    /// - Returns: Problems, one line each.
    func change(to settings: DaemonSettings) -> [String] {
        let wanted = settings.streams
        for source in all {
            guard let next = wanted.first(where: { $0.name == source.name }) else {
                remove(source, "it was removed from the settings")
                continue
            }
            if source.name != nil, source.stream.startsAgain(for: next) {
                remove(source, "it starts again with other settings")
            } else {
                source.apply(next.settings)
            }
        }
        let present = Set(all.map(\.name))
        let captures = ChannelCaptures()
        let problems = wanted.filter { !present.contains($0.name) }.compactMap { add($0, captures) }
        let isIdle = state.withLockedValue { state in
            let order = wanted.map(\.name)
            state.sources.sort {
                (order.firstIndex(of: $0.name) ?? 0) < (order.firstIndex(of: $1.name) ?? 0)
            }
            return state.ended.count == state.sources.count
        }
        notify()
        if isIdle { shared.engine.post(.stop) }
        return problems
    }

    /// - Returns: Why it could not be added.
    private func add(_ stream: StreamSettings, _ captures: ChannelCaptures) -> String? {
        do throws(CaptureError) {
            let source = try make(stream, captures)
            let isAdded = state.withLockedValue { state in
                if !state.isStopped { state.sources.append(source) }
                return !state.isStopped
            }
            guard isAdded else { return nil }
            do throws(CaptureError) { try source.start() } catch {
                _ = state.withLockedValue { $0.ended.insert(ObjectIdentifier(source)) }
                source.monitor.end(error.description)
                throw error
            }
            shared.engine.post(.add(source.pipeline))
            shared.logger.info("source \(stream.name ?? ""): \(source.input.name) was added")
            return nil
        } catch {
            return "source \(stream.name ?? ""): \(error)"
        }
    }

    /// Stops a source, and waits until its last window is classified.
    private func remove(_ source: DaemonSource, _ reason: String) {
        let id = ObjectIdentifier(source)
        let hasEnded = DispatchSemaphore(value: 0)
        let isRunning = state.withLockedValue { state in
            if !state.ended.contains(id) { state.awaited[id] = hasEnded }
            return !state.ended.contains(id)
        }
        source.input.stop()
        // The engine finishes the source between two windows, unless it has stopped.
        if isRunning { _ = hasEnded.wait(timeout: .now() + 60) }
        source.clips.finish()
        shared.logger.info("source \(source.name ?? "") has ended: \(reason)")
        source.monitor.end(reason)
        if let name = source.name { shared.hub.remove(source: name) }
        state.withLockedValue { state in
            state.sources.removeAll { $0 === source }
            state.ended.remove(id)
            state.awaited[id] = nil
        }
    }
}
