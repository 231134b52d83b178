import Dispatch
import TestSupport
import Inference
import Logging
import Recognizer
import Testing
import Wire

@testable import Daemon

@Suite(.timeLimit(.minutes(10))) struct AdapterShelfTests {
    /// A shelf, and a thread that takes what it hands over.
    private func withShelf(_ body: (AdapterShelf) async throws -> Void) async throws {
        let base = try BaseModel(directory: Golden.path("models/stride10"))
        let shelf = AdapterShelf(
            VariantMaker(base: base, activation: nil), directory: nil, logger: Logger(label: "test"))
        let scorer = try WindowScorer(try shelf.begin([]), threads: 1)
        let bell = DispatchSemaphore(value: 0)
        let switcher = VariantSwitch { bell.signal() }
        shelf.connect(switcher)
        let thread = Listener(scorer, switcher, bell)
        let done = DispatchSemaphore(value: 0)
        DispatchQueue(label: "listening").async {
            thread.run()
            done.signal()
        }
        do {
            try await body(shelf)
        } catch {
            thread.end()
            throw error
        }
        thread.end()
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                done.wait()
                continuation.resume()
            }
        }
    }

    /// SAFETY: the scorer is touched by the thread of ``run()`` alone.
    private final class Listener: @unchecked Sendable {
        private let scorer: WindowScorer
        private let switcher: VariantSwitch
        private let bell: DispatchSemaphore

        init(_ scorer: WindowScorer, _ switcher: VariantSwitch, _ bell: DispatchSemaphore) {
            self.scorer = scorer
            self.switcher = switcher
            self.bell = bell
        }

        func run() {
            while bell.wait(timeout: .now() + 300) == .success {
                var isAsked = false
                switcher.takeRequest { variants in
                    isAsked = true
                    let earlier = scorer.replaceVariants(with: variants)
                    let features = LiveFeatures(for: variants)
                    #expect(
                        scorer.score(variants[0], features: features.window(of: variants[0], from: 0)) != nil)
                    return earlier
                }
                if !isAsked { break }
            }
            switcher.end()
        }

        func end() { bell.signal() }
    }

    @Test func `Many at once are served one after the other, and the shelf says what is so`() async throws {
        try await withShelf { shelf in
            let adapters = ["modern-qv", "dora", "new-head", "cls-pooling"]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for adapter in adapters {
                    group.addTask {
                        _ = try await shelf.load(Golden.path("adapters/\(adapter)"), as: nil)
                        for _ in 0..<5 {
                            let report = try await shelf.use([adapter])
                            #expect(report.active == [adapter])
                            _ = shelf.snapshot
                        }
                    }
                }
                try await group.waitForAll()
            }
            let snapshot = shelf.snapshot
            #expect(snapshot.list.adapters.map(\.name) == adapters.sorted())
            #expect(snapshot.list.adapters.count { $0.isActive } == 1)
            #expect(snapshot.active.count == 1 && snapshot.active[0].adapter == snapshot.list.active[0])
            #expect(snapshot.labels["new-head"]?.count == 4 && snapshot.labels["base"]?.count == 12)
            let both = try await shelf.use(["base", "new-head"])
            #expect(both.active == ["base", "new-head"])
            #expect(shelf.snapshot.active.map(\.labels.count) == [12, 4])
        }
    }

    @Test func `What fails changes nothing`() async throws {
        try await withShelf { shelf in
            _ = try await shelf.load(Golden.path("adapters/dora"), as: "mine")
            _ = try await shelf.use(["mine"])
            let before = shelf.snapshot.list
            await #expect(throws: AdapterShelf.Refusal.self) {
                try await shelf.load(Golden.path("adapters/pissa"), as: "mine")
            }
            await #expect(throws: AdapterShelf.Refusal.self) { try await shelf.use(["mine", "other"]) }
            await #expect(throws: AdapterShelf.Refusal.self) { try await shelf.unload("mine") }
            #expect(shelf.snapshot.list == before)
        }
    }
}
