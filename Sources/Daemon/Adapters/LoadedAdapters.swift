private import Dispatch
private import Glibc
internal import Inference
internal import Logging
internal import Recognizer
private import NIOConcurrencyHelpers
internal import Settings
private import SystemSupport
private import TextSupport
internal import Wire

/// The adapters that are loaded, and which of them classify.
///
/// Threading: changes run on one queue, in the order of their requests. They may block there on the disk, on
/// merging, or on the engine's current window. Neither the engine nor an event loop waits for the queue.
///
/// SAFETY: unchecked because `loaded` and `active` are used on the queue alone, or before another thread
/// knows this object; `shared` is synchronised.
final class LoadedAdapters: @unchecked Sendable {
    let maker: VariantMaker
    private let directory: String?
    private let logger: Logger
    private let queue = DispatchQueue(label: "astd-adapters")
    private var loaded: [String: LoadedAdapter] = [:]
    /// Names in the order in which a window is classified.
    private var choice = AdapterChoice()
    /// The variants of the setting `adapter`.
    private var initial: [String?] = [nil]
    /// Those of ``choice``, merged.
    private var sets: VariantSets
    /// Adapters that were read again since they were merged.
    private var stale: Set<String> = []
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
        sets = VariantSets(common: [maker.baseVariant])
        shared = NIOLockedValueBox(
            Snapshot(active: [], sets: sets, list: AdapterList(active: [], adapters: []), labels: [:]))
        share(sets)
    }

    var snapshot: Snapshot { shared.withLockedValue { $0 } }

    // MARK: At the start

    /// Loads the adapters that classify from the start.
    ///
    /// - Parameter settings: May choose among them, and among those of the adapters' directory.
    /// - Returns: Their variants; the base model's when `directories` is empty and the settings name none.
    func loadInitial(
        _ directories: [String], _ settings: DaemonSettings = DaemonSettings()
    ) throws(Refusal) -> VariantSets {
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
        if !variants.isEmpty { initial = variants.map(\.adapter) }
        let chosen = AdapterChoice(settings, initial: initial)
        variants += try loadMissing(of: chosen)
        let merged = try merge(chosen, fresh: variants)
        choice = chosen
        share(merged)
        return merged
    }

    /// Loads adapters that the settings choose by name from the adapters' directory.
    private func loadMissing(of chosen: AdapterChoice) throws(Refusal) -> [Variant] {
        var variants: [Variant] = []
        for case let name? in chosen.all where loaded[name] == nil {
            let folders = directory.flatMap(AdapterDirectory.init(reading:))?.adapters ?? [:]
            guard let place = folders[name] else {
                let known = Set(loaded.keys).union(folders.keys).union([AdapterName.base]).sorted()
                let near = NearMiss.of(name, among: known).map { "; did you mean \($0)?" } ?? ""
                throw .message(
                    "the setting adapters names \(name), which is neither in `adapter` nor in adapters_dir"
                        + "\(near.isEmpty ? "; known: \(known.joined(separator: ", "))" : near)")
            }
            variants.append(try load(place, named: name))
        }
        return variants
    }

    // MARK: Changes

    /// Loads an adapter. It replaces an adapter of the same name, also when that one classifies.
    func load(_ directory: String, as name: String?) async throws -> AdapterList.Entry {
        try await onQueue { () throws(Refusal) in
            let name = name ?? AdapterName.of(directory: directory)
            let variant = try self.load(directory, named: name)
            for warning in self.loaded[name]?.warnings ?? [] { self.logger.warning("\(warning)") }
            if self.isActive(name) { _ = try self.activate(self.choice, fresh: [variant]) }
            self.share()
            guard let adapter = self.loaded[name] else { throw .unknown(name, known: []) }
            return adapter.entry(isActive: self.isActive(name))
        }
    }

    /// Classifies every window to come with these adapters.
    ///
    /// - Parameters:
    ///   - names: Of loaded adapters, or ``AdapterName/base``; an empty list stands for the base model.
    ///   - sources: The only sources that change, at least one; `nil`: all, also those that had a choice of
    ///     their own.
    func use(_ names: [String], sources: [String]? = nil) async throws -> SwitchReport {
        let requested = ContinuousClock.now
        return try await onQueue { () throws(Refusal) in
            let names = names.isEmpty ? [AdapterName.base] : names
            for (index, name) in names.enumerated() where names[..<index].contains(name) {
                throw .message("adapter \(name) is given twice")
            }
            let wanted = names.map { $0 == AdapterName.base ? nil : $0 }
            var choice = self.choice
            let before = sources?.first.map { choice.own[$0] ?? choice.common } ?? choice.common
            if let sources {
                for source in sources { choice.own[source] = wanted }
            } else {
                choice = AdapterChoice(common: wanted)
            }
            var report = try self.activate(choice, requested: requested)
            report.active = AdapterRecord(adapters: wanted).adapters
            let subject = sources.map { "source \($0.joined(separator: ", ")): " } ?? ""
            // Equal when only sources with adapters of their own have changed.
            let previous = wanted == before ? "" : " instead of \(Self.text(before))"
            self.logger.info("\(subject)classifying with \(Self.text(wanted))\(previous)")
            return report
        }
    }

    /// Follows other settings, which may choose other adapters. What was chosen by a request remains where
    /// the settings have not changed. May block.
    ///
    /// - Returns: What went wrong; then nothing has changed.
    func follow(_ settings: DaemonSettings, insteadOf old: DaemonSettings) -> [String] {
        queue.sync {
            let chosen = choice.following(
                AdapterChoice(settings, initial: initial),
                insteadOf: AdapterChoice(old, initial: initial),
                sources: Set(settings.streams.compactMap(\.name)))
            guard chosen != choice else { return [] }
            do throws(Refusal) {
                let fresh = try loadMissing(of: chosen)
                _ = try activate(chosen, fresh: fresh)
                return []
            } catch {
                return ["\(error)"]
            }
        }
    }

    func unload(_ name: String) async throws {
        try await onQueue { () throws(Refusal) in
            guard self.loaded[name] != nil else { throw .unknown(name, known: self.loaded.keys.sorted()) }
            guard !self.isActive(name) else { throw .active(name) }
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
            if !fresh.isEmpty { _ = try activate(choice, fresh: fresh) }
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
            guard !isActive(name) else {
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
        report.warnings += loaded[name]?.warnings ?? []
        if isActive(name) { fresh.append(variant) }
        if isNew { report.loaded.append(name) } else { report.replaced.append(name) }
    }

    // MARK: On the queue

    private func load(_ directory: String, named name: String) throws(Refusal) -> Variant {
        if let problem = AdapterName.problem(name) { throw .message(problem) }
        do throws(ModelError) {
            let (adapter, variant) = try LoadedAdapter.load(directory, named: name, into: maker)
            loaded[name] = adapter
            stale.insert(name)
            logger.info(
                "adapter \(name) loaded: \(variant.summary)",
                metadata: ["path": "\(adapter.adapter.directory)"])
            return variant
        } catch {
            throw .model(error)
        }
    }

    private func isActive(_ name: String) -> Bool { choice.all.contains(name) }

    /// Classifies with these adapters from the next window on.
    ///
    /// - Parameter fresh: Variants that are already merged, and replace those of their names.
    private func activate(
        _ chosen: AdapterChoice, fresh: [Variant] = [], requested: ContinuousClock.Instant = .now
    ) throws(Refusal) -> SwitchReport {
        let began = ContinuousClock.now
        let variants = try merge(chosen, fresh: fresh)
        let merged = ContinuousClock.now
        let outcome: VariantReplacement.Outcome
        do throws(EngineError) { outcome = try commands.replaceVariants(with: variants) } catch {
            throw .engine(error)
        }
        let switched = ContinuousClock.now
        choice = chosen
        share(variants)
        return SwitchReport(
            active: AdapterRecord(adapters: chosen.all).adapters,
            mergeMs: (merged - began) / .milliseconds(1),
            waitMs: (outcome.dequeued - merged) / .milliseconds(1),
            totalMs: (switched - requested) / .milliseconds(1))
        // `outcome` frees the replaced variants here, not on the engine thread.
    }

    /// Makes the sets; sources that use the same adapter share its network, and a network that is in use
    /// already is used again.
    private func merge(_ chosen: AdapterChoice, fresh: [Variant]) throws(Refusal) -> VariantSets {
        var merged: [Variant] = []
        for name in chosen.all { merged.append(try variant(name, fresh)) }
        func set(_ names: [String?]) -> [Variant] {
            names.compactMap { name in merged.first { $0.adapter == name } }
        }
        return VariantSets(common: set(chosen.common), own: chosen.own.mapValues(set))
    }

    private func variant(_ name: String?, _ fresh: [Variant]) throws(Refusal) -> Variant {
        guard let name else { return maker.baseVariant }
        if let merged = fresh.first(where: { $0.adapter == name }) { return merged }
        if !stale.contains(name), let merged = sets.all.first(where: { $0.adapter == name }) { return merged }
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

    private func share(_ sets: VariantSets? = nil) {
        if let sets {
            self.sets = sets
            stale.subtract(sets.all.compactMap(\.adapter))
        }
        let names = AdapterRecord(adapters: choice.all).adapters
        let entries = loaded.values.sorted { $0.name < $1.name }.map { $0.entry(isActive: isActive($0.name)) }
        var labels = loaded.mapValues(\.labels)
        labels[AdapterName.base] = maker.baseVariant.labels
        shared.withLockedValue { snapshot in
            if let sets {
                snapshot.sets = sets
                snapshot.active = sets.all.map {
                    ActiveVariant(
                        adapter: $0.adapter, labels: $0.labels, classes: $0.classes,
                        activation: $0.activation,
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
