import Dispatch
import TestSupport
import Inference
import Recognizer
import Synchronization
import Testing

@testable import Daemon

@Suite(.timeLimit(.minutes(10))) struct VariantSwitchTests {
    private static func maker() throws -> VariantMaker {
        VariantMaker(base: try BaseModel(directory: Golden.path("models/stride10")), activation: nil)
    }

    @Test func `Each request is taken once, in order, by the thread that listens`() throws {
        let published = try Self.maker().baseVariant
        let switcher = VariantSwitch {}
        let taken = Mutex(0)
        let isOver = Mutex(false)
        let listening = DispatchQueue(label: "listening")
        let done = DispatchSemaphore(value: 0)
        listening.async {
            while !isOver.withLock({ $0 }) {
                switcher.takeRequest { variants in
                    taken.withLock { $0 += variants.count }
                    return []
                }
            }
            done.signal()
        }
        for count in 1...50 {
            let outcome = try #require(switcher.request(Array(repeating: published, count: count)))
            #expect(outcome.earlier.isEmpty)
            #expect(taken.withLock { $0 } == count * (count + 1) / 2)
        }
        isOver.withLock { $0 = true }
        done.wait()
    }

    @Test func `Nobody waits for a thread that listens no more`() throws {
        let published = try Self.maker().baseVariant
        // Before the end or after it: each round is a race.
        for _ in 0..<100 {
            let switcher = VariantSwitch {}
            DispatchQueue.global().async { switcher.end() }
            #expect(switcher.request([published])?.taken == nil)
            #expect(switcher.request([published])?.taken == nil, "after the end")
        }
        let switcher = VariantSwitch {}
        switcher.end()
        switcher.takeRequest { _ in
            Issue.record("there is nothing to take")
            return []
        }
    }
}
