private import Dispatch
private import Glibc
internal import Inference
internal import Logging
internal import Recognizer
private import NIOConcurrencyHelpers
private import SystemSupport
internal import Wire

/// The adapters that are loaded, and which of them classify.
///
/// Threading: changes run on one queue, in the order of their requests. They may block there on the disk, on
/// merging, or on the engine's current window. Neither the engine nor an event loop waits for the queue.
///
/// SAFETY: unchecked because `loaded` and `active` are used on the queue alone, or before another thread
/// knows this object; `shared` is synchronised.
final class AdapterShelf: @unchecked Sendable {
    let maker: VariantMaker
    private let directory: String?
    private let logger: Logger
    private let queue = DispatchQueue(label: "astd-adapters")
    private var loaded: [String: LoadedAdapter] = [:]
    /// Names in the order in which a window is classified; `nil` is the base.
    private var active: [String?] = [nil]
    private let commands: EngineMailbox
    private let shared: NIOLockedValueBox<Snapshot>

    /// - Parameters:
    ///   - directory: Where `reload` looks for adapters, one per subdirectory; or `nil`.
    ///   - commands: Of the engine that classifies with the adapters.
    init(_ maker: VariantMaker, directory: String?, commands: EngineMailbox, logger: Logger) {
        self.maker = maker
        self.commands = commands
        self.directory = directory
        self.logger = logger
        let base = maker.baseVariant
        shared = NIOLockedValueBox(
            Snapshot(active: [], variants: [], list: AdapterList(active: [], adapters: []), labels: [:]))
        share([base])
    }

    var snapshot: Snapshot { shared.withLockedValue { $0 } }

    // MARK: At the start

    /// Loads the adapters that classify from the start.
    ///
    /// - Returns: Their variants; the base model's when `directories` is empty.
    func loadInitial(_ directories: [String]) throws(Refusal) -> [Variant] {
        var variants: [Variant] = []
        for directory in directories {
            let name = AdapterName.of(directory: directory)
            guard loaded[name] == nil else {
                throw .message("two adapters are named \(name); rename one of their directories")
            }
            let variant = try load(directory, named: name)
            for warning in variant.warnings { logger.warning("\(warning)") }
            variants.append(variant)
        }
        if variants.isEmpty { variants = [maker.baseVariant] }
        active = variants.map(\.adapter)
        share(variants)
        return variants
    }

    // MARK: Changes

    /// Loads an adapter. It replaces an adapter of the same name, also when that one classifies.
    func load(_ directory: String, as name: String?) async throws -> AdapterList.Entry {
        try await onQueue { () throws(Refusal) in
            let name = name ?? AdapterName.of(directory: directory)
            let variant = try self.load(directory, named: name)
            for warning in variant.warnings { self.logger.warning("\(warning)") }
            if self.active.contains(name) { _ = try self.activate(self.active, fresh: [variant]) }
            self.share()
            guard let adapter = self.loaded[name] else { throw .unknown(name, known: []) }
            return adapter.entry(isActive: self.active.contains(name))
        }
    }

    /// Classifies every window to come with these adapters.
    ///
    /// - Parameter names: Of loaded adapters, or ``AdapterName/base``; an empty list stands for the base
    ///   model.
    func use(_ names: [String]) async throws -> SwitchReport {
        let requested = ContinuousClock.now
        return try await onQueue { () throws(Refusal) in
            let names = names.isEmpty ? [AdapterName.base] : names
            for (index, name) in names.enumerated() where names[..<index].contains(name) {
                throw .message("adapter \(name) is given twice")
            }
            let before = self.active
            let report = try self.activate(
                names.map { $0 == AdapterName.base ? nil : $0 }, requested: requested)
            self.logger.info(
                "classifying with \(report.active.joined(separator: ", ")) instead of \(Self.text(before))")
            return report
        }
    }

    func unload(_ name: String) async throws {
        try await onQueue { () throws(Refusal) in
            guard self.loaded[name] != nil else { throw .unknown(name, known: self.loaded.keys.sorted()) }
            guard !self.active.contains(name) else { throw .active(name) }
            self.loaded[name] = nil
            self.share()
            self.logger.info("adapter \(name) unloaded")
        }
    }

    /// Reads the adapters' directory again: loads new adapters, replaces changed ones, and unloads removed
    /// ones unless they are in use.
    func reload() async -> ReloadReport {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.reloadNow()) }
        }
    }

    private func reloadNow() -> ReloadReport {
        var report = ReloadReport()
        var fresh: [Variant] = []
        var found: [String: String] = [:]
        // An adapter that was loaded from elsewhere is read again there.
        var places = loaded.mapValues(\.directory)
        if let directory {
            if let folders = AdapterDirectory(reading: directory) {
                (found, report.warnings) = (folders.adapters, folders.warnings)
            } else {
                report.problems.append(
                    "adapters_dir \(directory) cannot be read: \(Self.reason(directory)); its adapters stay loaded"
                )
                // A drive that is not mounted: its adapters were not removed.
                places = places.filter { !$0.value.hasPrefix(directory + "/") }
            }
        }
        places.merge(found) { known, _ in known }
        for (name, place) in places.sorted(by: { $0.key < $1.key }) {
            do throws(Refusal) {
                try reload(name, place, &report, &fresh)
            } catch {
                report.problems.append("adapter \(name): \(error)")
            }
        }
        do throws(Refusal) {
            if !fresh.isEmpty { _ = try activate(active, fresh: fresh) }
        } catch {
            report.problems.append("\(error)")
        }
        share()
        return report
    }

    /// Why a directory cannot be read.
    private static func reason(_ directory: String) -> String {
        let opened = open(directory.systemPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if opened >= 0 { close(opened) }
        return String(cString: strerror(errno))
    }

    private func reload(
        _ name: String, _ place: String, _ report: inout ReloadReport, _ fresh: inout [Variant]
    ) throws(Refusal) {
        guard !AdapterFolder.adapters(in: place).isEmpty else {
            guard !active.contains(name) else {
                throw .message("its directory was removed; keeping it loaded because it is in use")
            }
            loaded[name] = nil
            return report.removed.append(name)
        }
        if let known = loaded[name], known.sha256 == (try? Adapter.digest(directory: place)) {
            return report.unchanged.append(name)
        }
        let isNew = loaded[name] == nil
        let variant = try load(place, named: name)
        report.warnings += variant.warnings
        if active.contains(name) { fresh.append(variant) }
        if isNew { report.loaded.append(name) } else { report.replaced.append(name) }
    }

    // MARK: On the queue

    private func load(_ directory: String, named name: String) throws(Refusal) -> Variant {
        if let problem = AdapterName.problem(name) { throw .message(problem) }
        do throws(ModelError) {
            let (adapter, variant) = try LoadedAdapter.load(directory, named: name, into: maker)
            loaded[name] = adapter
            logger.info(
                "adapter \(name) loaded: \(variant.summary)",
                metadata: ["path": "\(adapter.adapter.directory)"])
            return variant
        } catch {
            throw .model(error)
        }
    }

    /// Classifies with these adapters from the next window on.
    ///
    /// - Parameter fresh: Variants that are already merged.
    private func activate(
        _ names: [String?], fresh: [Variant] = [], requested: ContinuousClock.Instant = .now
    ) throws(Refusal) -> SwitchReport {
        let began = ContinuousClock.now
        var variants: [Variant] = []
        for name in names { variants.append(try variant(name, fresh)) }
        let merged = ContinuousClock.now
        let outcome: VariantReplacement.Outcome
        do throws(EngineError) { outcome = try commands.replaceVariants(with: variants) } catch {
            throw .engine(error)
        }
        let switched = ContinuousClock.now
        active = names
        share(variants)
        return SwitchReport(
            active: AdapterRecord(adapters: names).adapters, mergeMs: (merged - began) / .milliseconds(1),
            waitMs: (outcome.dequeued - merged) / .milliseconds(1),
            totalMs: (switched - requested) / .milliseconds(1))
        // `outcome` frees the replaced variants here, not on the engine thread.
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

    private static func text(_ active: [String?]) -> String {
        AdapterRecord(adapters: active).adapters.joined(separator: ", ")
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
                    ActiveVariant(
                        adapter: $0.adapter, labels: $0.labels, activation: $0.activation,
                        windowSeconds: $0.windowSeconds,
                        precision: $0.network.precision.rawValue,
                        precisionCheck: $0.network.comparison?.text)
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
