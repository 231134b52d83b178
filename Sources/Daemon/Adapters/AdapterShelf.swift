private import Dispatch
internal import Inference
internal import Logging
private import NIOConcurrencyHelpers
internal import Recognizer
internal import Wire

/// The adapters that are loaded, and which of them classify.
///
/// Threading: every change runs on one queue of its own, in the order it was asked for. It may block there: on the
/// disk, on merging, on the window that the engine is at. Neither the engine nor an event loop ever waits for it.
///
/// SAFETY: `loaded`, `active` and `variantSwitch` are touched on the queue alone, or before anybody else knows this
/// object; `shared` is locked.
final class AdapterShelf: @unchecked Sendable {
    let maker: VariantMaker
    private let directory: String?
    private let logger: Logger
    private let queue = DispatchQueue(label: "astd-adapters")
    private var loaded: [String: LoadedAdapter] = [:]
    /// Names in the order in which a window is classified; `nil` is the base.
    private var active: [String?] = [nil]
    private var variantSwitch: VariantSwitch?
    private let shared: NIOLockedValueBox<Snapshot>

    /// - Parameter directory: Where `reload` looks for adapters, one a directory; or `nil`.
    init(_ maker: VariantMaker, directory: String?, logger: Logger) {
        self.maker = maker
        self.directory = directory
        self.logger = logger
        let base = maker.baseVariant
        shared = NIOLockedValueBox(
            Snapshot(active: [], variants: [], list: AdapterList(active: [], adapters: []), labels: [:]))
        share([base])
    }

    var snapshot: Snapshot { shared.withLockedValue { $0 } }

    // MARK: At the start

    /// Loads what the command line names; all of them are to classify.
    ///
    /// - Returns: What classifies first: the base when `directories` is empty.
    func begin(_ directories: [String]) throws(Refusal) -> [Variant] {
        var variants: [Variant] = []
        for directory in directories {
            let name = AdapterName.of(directory: directory)
            guard loaded[name] == nil else {
                throw .name("two adapters are called \(name): rename one of their directories")
            }
            variants.append(try load(directory, named: name))
        }
        if variants.isEmpty { variants = [maker.baseVariant] }
        active = variants.map(\.adapter)
        share(variants)
        return variants
    }

    /// From here on the listening thread is told of changes.
    func connect(_ variantSwitch: VariantSwitch) { self.variantSwitch = variantSwitch }

    // MARK: Changes

    /// Loads an adapter. When one of that name classifies, the new content takes its place at once.
    func load(_ directory: String, as name: String?) async throws -> AdapterList.Entry {
        try await onQueue { () throws(Refusal) in
            let name = name ?? AdapterName.of(directory: directory)
            let variant = try self.load(directory, named: name)
            if self.active.contains(name) { _ = try self.classify(with: self.active, fresh: [variant]) }
            self.share()
            guard let adapter = self.loaded[name] else { throw .unknown(name, known: []) }
            return adapter.entry(isActive: self.active.contains(name))
        }
    }

    /// From now on each window is classified by these.
    ///
    /// - Parameter names: Of loaded adapters, ``AdapterName/base`` for the model itself; none is the model itself.
    func use(_ names: [String]) async throws -> SwitchReport {
        let asked = ContinuousClock.now
        return try await onQueue { () throws(Refusal) in
            let names = names.isEmpty ? [AdapterName.base] : names
            for (index, name) in names.enumerated() where names[..<index].contains(name) {
                throw .name("\(name) is named twice")
            }
            return try self.classify(with: names.map { $0 == AdapterName.base ? nil : $0 }, asked: asked)
        }
    }

    func unload(_ name: String) async throws {
        try await onQueue { () throws(Refusal) in
            guard self.loaded[name] != nil else { throw .unknown(name, known: self.loaded.keys.sorted()) }
            guard !self.active.contains(name) else { throw .active(name) }
            self.loaded[name] = nil
            self.share()
        }
    }

    /// Reads the adapters' directory again: new ones are loaded, changed ones take their old selves' place, vanished
    /// ones go unless they are in use.
    func reload() async -> ReloadReport {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.reloadNow()) }
        }
    }

    private func reloadNow() -> ReloadReport {
        var report = ReloadReport()
        var fresh: [Variant] = []
        var found: [String: String] = [:]
        if let directory {
            if let adapters = AdapterDirectory.adapters(in: directory) {
                found = adapters
            } else {
                report.problems.append("\(directory): no directory that can be read")
            }
        }
        // An adapter that came from elsewhere is looked at where it came from.
        let places = loaded.mapValues(\.directory).merging(found) { known, _ in known }
        for (name, place) in places.sorted(by: { $0.key < $1.key }) {
            do throws(Refusal) {
                try reload(name, place, &report, &fresh)
            } catch {
                report.problems.append("adapter \(name): \(error)")
            }
        }
        do throws(Refusal) {
            if !fresh.isEmpty { _ = try classify(with: active, fresh: fresh) }
        } catch {
            report.problems.append("\(error)")
        }
        share()
        return report
    }

    private func reload(
        _ name: String, _ place: String, _ report: inout ReloadReport, _ fresh: inout [Variant]
    ) throws(Refusal) {
        guard LoRAAdapter.isAdapter(directory: place) else {
            guard !active.contains(name) else {
                throw .name("its directory is gone; it stays, for it is in use")
            }
            loaded[name] = nil
            return report.removed.append(name)
        }
        if let known = loaded[name], known.sha256 == (try? LoRAAdapter.digest(directory: place)) {
            return report.unchanged.append(name)
        }
        let isNew = loaded[name] == nil
        let variant = try load(place, named: name)
        if active.contains(name) { fresh.append(variant) }
        if isNew { report.loaded.append(name) } else { report.replaced.append(name) }
    }

    // MARK: On the queue

    private func load(_ directory: String, named name: String) throws(Refusal) -> Variant {
        if let problem = AdapterName.problem(name) { throw .name(problem) }
        do throws(ModelError) {
            let (adapter, variant) = try LoadedAdapter.load(directory, named: name, into: maker)
            loaded[name] = adapter
            logger.info("adapter \(name) loaded", metadata: ["path": "\(directory)"])
            return variant
        } catch {
            throw .model(error)
        }
    }

    /// - Parameter fresh: Variants that are merged already.
    private func classify(
        with names: [String?], fresh: [Variant] = [], asked: ContinuousClock.Instant = .now
    ) throws(Refusal) -> SwitchReport {
        let began = ContinuousClock.now
        var variants: [Variant] = []
        for name in names { variants.append(try variant(name, fresh)) }
        let merged = ContinuousClock.now
        guard let outcome = variantSwitch?.request(variants) else { throw .over }
        let switched = ContinuousClock.now
        active = names
        share(variants)
        return SwitchReport(
            active: AdapterRecord(adapters: names).adapters, mergeMs: (merged - began) / .milliseconds(1),
            waitMs: (outcome.taken - merged) / .milliseconds(1),
            totalMs: (switched - asked) / .milliseconds(1))
        // What classified before goes with `outcome`, on this thread.
    }

    private func variant(_ name: String?, _ fresh: [Variant]) throws(Refusal) -> Variant {
        guard let name else { return maker.baseVariant }
        if let merged = fresh.first(where: { $0.adapter == name }) { return merged }
        guard let adapter = loaded[name] else { throw .unknown(name, known: loaded.keys.sorted()) }
        do throws(ModelError) {
            return try maker.variant(adapter.adapter, named: name)
        } catch {
            throw .model(error)
        }
    }

    private func share(_ variants: [Variant]? = nil) {
        let names = AdapterRecord(adapters: active).adapters
        let entries = loaded.values.sorted { $0.name < $1.name }.map {
            $0.entry(isActive: active.contains($0.name))
        }
        var labels = loaded.mapValues(\.labels)
        labels[AdapterName.base] = maker.baseVariant.labels
        shared.withLockedValue { snapshot in
            if let variants {
                snapshot.variants = variants
                snapshot.active = variants.map {
                    ActiveVariant(adapter: $0.adapter, labels: $0.labels, windowSeconds: $0.windowSeconds)
                }
            }
            snapshot.list = AdapterList(active: names, adapters: entries)
            snapshot.labels = labels
        }
    }

    private func onQueue<Value: Sendable>(
        _ body: @escaping @Sendable () throws(Refusal) -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
            queue.async {
                do throws(Refusal) { continuation.resume(returning: try body()) } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }
}
