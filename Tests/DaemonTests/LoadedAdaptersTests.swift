import Capture
import Dispatch
import TestSupport
import Inference
import Logging
import Recognizer
import Settings
import Testing
import Wire

@testable import Daemon

@Suite(.timeLimit(.minutes(10))) struct LoadedAdaptersTests {
    /// Runs `body` with adapters and an engine thread that replaces variants on request.
    private func withAdapters(
        directory: String? = nil, _ settings: DaemonSettings = DaemonSettings(),
        logger: Logger = Logger(label: "test"),
        _ body: (LoadedAdapters) async throws -> Void
    ) async throws {
        let base = try BaseModel(directory: Golden.path("models/stride10"))
        let signal = WakeSignal()
        let mailbox = EngineMailbox(signal: signal)
        let adapters = LoadedAdapters(
            VariantMaker(base: base, activation: nil), directory: directory, commands: mailbox,
            logger: logger)
        let engine = Engine(
            try WindowScorer(try adapters.loadInitial([], settings).all, threads: 1), signal, mailbox)
        let done = DispatchSemaphore(value: 0)
        DispatchQueue(label: "engine").async {
            engine.run()
            done.signal()
        }
        var failure: (any Error)?
        do { try await body(adapters) } catch { failure = error }
        mailbox.post(.stop)
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                done.wait()
                continuation.resume()
            }
        }
        if let failure { throw failure }
    }

    @Test func `The summary of a reload counts mistakes and problems of adapters apart`() {
        let unchanged = SettingsChanges(from: DaemonSettings(), to: DaemonSettings())
        var report = ReloadReport()
        #expect(
            Reload.summary(report, .success(unchanged))
                == "settings: 0 changed; adapters: 0 loaded, 0 replaced, 0 removed, 0 problems")
        report.changed = ["hop"]
        report.needsRestart = ["threads", "model"]
        report.loaded = ["a"]
        report.problems = ["b"]
        #expect(
            Reload.summary(report, .success(unchanged))
                == "settings: 1 changed, 2 after a restart; adapters: 1 loaded, 0 replaced, 0 removed, 1 problem"
        )
        let refusal = SettingsRefusal.emptied(file: "f")
        #expect(
            Reload.summary(report, .failure(refusal))
                == "settings: unchanged because of 1 mistake; adapters: 1 loaded, 0 replaced, 0 removed, 0 problems"
        )
    }

    /// SAFETY: the scorer is used by the thread of ``run()`` alone.
    private final class Engine: @unchecked Sendable {
        private let scorer: WindowScorer
        private let signal: WakeSignal
        private let mailbox: EngineMailbox

        init(_ scorer: WindowScorer, _ signal: WakeSignal, _ mailbox: EngineMailbox) {
            self.scorer = scorer
            self.signal = signal
            self.mailbox = mailbox
        }

        func run() {
            while true {
                while let command = mailbox.dequeue() {
                    switch command {
                    case .replaceVariants(let replacement): replace(replacement)
                    default: return mailbox.close()
                    }
                }
                signal.wait(timeoutSeconds: 300) { false }
            }
        }

        private func replace(_ replacement: VariantReplacement) {
            let variants = replacement.sets.all
            let replaced = scorer.replaceVariants(with: variants)
            let features = LiveFeatures(for: variants)
            let window = features.window(of: variants[0], from: 0)
            #expect(scorer.score(variants[0], features: window) != nil)
            replacement.complete(.init(replaced: replaced, dequeued: .now))
        }
    }

    @Test func `Concurrent requests are served one after the other, and the snapshot shows the result`()
        async throws
    {
        try await withAdapters { adapters in
            let names = ["modern-qv", "dora", "new-head", "cls-pooling"]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for adapter in names {
                    group.addTask {
                        _ = try await adapters.load(Golden.path("adapters/\(adapter)"), as: nil)
                        for _ in 0..<5 {
                            let report = try await adapters.use([adapter])
                            #expect(report.active == [adapter])
                            _ = adapters.snapshot
                        }
                    }
                }
                try await group.waitForAll()
            }
            let snapshot = adapters.snapshot
            #expect(snapshot.list.adapters.map(\.name) == names.sorted())
            #expect(snapshot.list.adapters.count { $0.isActive } == 1)
            #expect(snapshot.active.count == 1 && snapshot.active[0].adapter == snapshot.list.active[0])
            #expect(snapshot.labels["new-head"]?.count == 4 && snapshot.labels["base"]?.count == 12)
            let both = try await adapters.use(["base", "new-head"])
            #expect(both.active == ["base", "new-head"])
            #expect(adapters.snapshot.active.map(\.labels.count) == [12, 4])
        }
    }

    @Test func `Loading, switching and unloading leave a line each in the log`() async throws {
        let log = LogRecorder()
        try await withAdapters(logger: log.logger) { adapters in
            _ = try await adapters.load(Golden.path("adapters/dora"), as: nil)
            _ = try await adapters.use(["dora", "base"])
            _ = try await adapters.use([])
            try await adapters.unload("dora")
        }
        #expect(log.messages.first?.hasPrefix("adapter dora loaded: ") == true)
        #expect(
            log.messages.dropFirst() == [
                "classifying with dora, base instead of base", "classifying with base instead of dora, base",
                "adapter dora unloaded",
            ])
    }

    @Test func `Adapters with modules are switched, combined and counted like merged ones`() async throws {
        try await withAdapters { adapters in
            let modules = ["conformer-houlsby-par", "soft-ffn", "dense-mhsa"].map { "petl-module-" + $0 }
            for adapter in modules + ["modern-qv"] {
                let reply = try await adapters.load(Golden.path("adapters/\(adapter)"), as: nil)
                #expect(reply.bytes > 0)
            }
            for active in [[modules[0]], [modules[1], "modern-qv"], ["base"], modules, ["base"]] {
                #expect(try await adapters.use(active).active == active)
            }
            #expect(adapters.snapshot.list.adapters.count == 4)
        }
    }

    @Test func `A request that fails changes nothing`() async throws {
        try await withAdapters { adapters in
            _ = try await adapters.load(Golden.path("adapters/dora"), as: "mine")
            _ = try await adapters.use(["mine"])
            let before = adapters.snapshot.list
            await #expect(throws: LoadedAdapters.Refusal.self) {
                try await adapters.load(Golden.path("adapters/pissa"), as: "mine")
            }
            await #expect(throws: LoadedAdapters.Refusal.self) { try await adapters.use(["mine", "other"]) }
            await #expect(throws: LoadedAdapters.Refusal.self) { try await adapters.unload("mine") }
            #expect(adapters.snapshot.list == before)
        }
    }

    @Test func `Reload loads adapters one folder deeper and warns of folders without exactly one`()
        async throws
    {
        let folder = try TestFolder()
        func copy(_ adapter: String, to name: String) throws {
            try folder.copy(Golden.path("adapters/\(adapter)"), to: "adapters/\(name)")
        }
        try copy("modern-qv", to: "plain")
        try copy("dora", to: "run/checkpoint-500")
        try copy("dora", to: "two/a")
        try copy("dora", to: "two/b")
        try copy("dora", to: "base")
        try copy("dora", to: ".incoming")
        try folder.write("x", to: "adapters/empty/notes.txt")
        try folder.write("x", to: "adapters/README.md")
        let directory = folder.file("adapters")
        try await withAdapters(directory: directory) { adapters in
            let report = await adapters.reload()
            #expect(report.problems == [])
            #expect(report.loaded == ["plain", "run"])
            #expect(
                report.warnings == [
                    "\(directory)/base is not loaded: `base` stands for the model without an adapter",
                    "\(directory)/empty: no adapter in \(directory)/empty, nor in a folder in it: there is no "
                        + "adapter_config.json",
                    "\(directory)/two: no adapter in \(directory)/two; there is one in each of "
                        + "\(directory)/two/a, \(directory)/two/b: name one of them",
                ])
            #expect(adapters.snapshot.list.adapters.last?.path == directory + "/run/checkpoint-500")
            #expect(await adapters.reload().unchanged == ["plain", "run"])

            try copy("dora", to: "run/checkpoint-1000")
            let second = await adapters.reload()
            #expect(second.problems.count == 1 && second.problems[0].contains("run/checkpoint-1000"))
            #expect(
                adapters.snapshot.list.adapters.map(\.name) == ["plain", "run"], "the loaded one is kept")
            try folder.remove("adapters/run")
            #expect(await adapters.reload().removed == ["run"])

            try folder.remove("adapters")
            let unmounted = await adapters.reload()
            #expect(
                unmounted.problems == [
                    "adapters_dir \(directory) cannot be read: No such file or directory; its adapters stay loaded"
                ])
            #expect(unmounted.removed == [] && adapters.snapshot.list.adapters.map(\.name) == ["plain"])
        }
    }

    /// - Parameter text: The sources of the settings.
    private func settings(_ text: String, in folder: TestFolder) throws -> DaemonSettings {
        let file = try folder.write("sources:\n" + text, to: "astd.yaml")
        return try SettingsSources(file: file, environment: [:]).load().settings
    }

    @Test func `Sources have adapters of their own, and share the network of an adapter that several use`()
        async throws
    {
        let folder = try TestFolder()
        try folder.copy(Golden.path("adapters/modern-qv"), to: "adapters/plain")
        try folder.copy(Golden.path("adapters/new-head"), to: "adapters/heads")
        let before = try settings(
            "  garden: {source: pulse, adapters: plain}\n  door: {source: pulse}\n", in: folder)
        try await withAdapters(directory: folder.file("adapters"), before) { adapters in
            func names(_ source: String?) -> [String] {
                AdapterRecord(adapters: adapters.snapshot.sets[source].map(\.adapter)).adapters
            }
            #expect(names("garden") == ["plain"] && names("door") == ["base"])
            #expect(adapters.snapshot.active.map(\.adapter) == [nil, "plain"])
            let network = try #require(adapters.snapshot.sets["garden"].first?.network)

            _ = await adapters.reload()
            #expect(
                try await adapters.use(["heads", "plain"], sources: ["door"]).active == ["heads", "plain"])
            #expect(names("garden") == ["plain"] && names("door") == ["heads", "plain"])
            #expect(adapters.snapshot.sets["garden"].first?.network === network, "it is not merged again")
            #expect(adapters.snapshot.sets["door"].last?.network === network)
            await #expect(throws: LoadedAdapters.Refusal.self) { try await adapters.unload("heads") }

            // The settings change one source; what a request chose for the other remains.
            let after = try settings(
                "  garden: {source: pulse, adapters: [heads, base]}\n  door: {source: pulse}\n", in: folder)
            #expect(adapters.follow(after, insteadOf: before) == [])
            #expect(names("garden") == ["heads", "base"] && names("door") == ["heads", "plain"])
            let wrong = try settings(
                "  garden: {source: pulse, adapters: [plian]}\n  door: {source: pulse}\n", in: folder)
            #expect(
                adapters.follow(wrong, insteadOf: after) == [
                    "the setting adapters names plian, which is neither in `adapter` nor in adapters_dir; did you mean plain?"
                ])
            #expect(names("garden") == ["heads", "base"])

            #expect(try await adapters.use(["plain"]).active == ["plain"])
            #expect(names("garden") == ["plain"] && names("door") == ["plain"])
            #expect(adapters.snapshot.active.count == 1)
        }
    }

    @Test func `A directory that is itself an adapter is loaded, with a warning`() async throws {
        let directory = Golden.path("adapters/dora")
        try await withAdapters(directory: directory) { adapters in
            let report = await adapters.reload()
            #expect(report.loaded == ["dora"])
            #expect(report.warnings.count == 1 && report.warnings[0].contains("is itself an adapter"))
        }
    }

    @Test func `An adapter's warnings are in the replies to load, list and reload`() async throws {
        let folder = try TestFolder()
        try folder.copy(Golden.path("adapters/new-head"), to: "adapters/heads")
        try folder.remove("adapters/heads/config.json")
        try await withAdapters(directory: folder.file("adapters")) { adapters in
            let report = await adapters.reload()
            #expect(
                report.warnings.count == 1
                    && report.warnings[0].hasPrefix("adapter heads: it has a classifier"))
            let entry = try await adapters.load(folder.file("adapters/heads"), as: nil)
            #expect(entry.warnings == report.warnings && entry.precision == "fp32")
            #expect(adapters.snapshot.list.adapters.first?.warnings == report.warnings)
            #expect(adapters.snapshot.labels["heads"] == ["LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3"])
        }
    }
}
