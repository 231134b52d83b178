import Capture
import Dispatch
import Inference
import Recognizer
import Synchronization
import TestSupport
import Testing

@testable import Daemon

@Suite(.timeLimit(.minutes(10))) struct EngineMailboxTests {
    private static func variant() throws -> Variant {
        VariantMaker(base: try BaseModel(directory: Golden.path("models/stride10")), activation: nil)
            .baseVariant
    }

    @Test func `Each replacement is dequeued once, in order, by the engine thread`() throws {
        let base = try Self.variant()
        let mailbox = EngineMailbox()
        let dequeued = Mutex(0)
        let isOver = Mutex(false)
        let done = DispatchSemaphore(value: 0)
        DispatchQueue(label: "engine").async {
            while !isOver.withLock({ $0 }) {
                while case .replaceVariants(let replacement) = mailbox.dequeue() {
                    dequeued.withLock { $0 += replacement.sets.common.count }
                    replacement.complete(.init(replaced: [], dequeued: .now))
                }
            }
            done.signal()
        }
        for count in 1...50 {
            let outcome = try mailbox.replaceVariants(
                with: VariantSets(common: Array(repeating: base, count: count)))
            #expect(outcome.replaced.isEmpty)
            #expect(dequeued.withLock { $0 } == count * (count + 1) / 2)
        }
        isOver.withLock { $0 = true }
        done.wait()
    }

    @Test func `A replacement fails when the engine stops or has stopped`() throws {
        let base = try Self.variant()
        // While the caller waits or before it does: each round is a race.
        for _ in 0..<100 {
            let mailbox = EngineMailbox()
            DispatchQueue.global().async { mailbox.close() }
            #expect(throws: EngineError.stopped) {
                try mailbox.replaceVariants(with: VariantSets(common: [base]))
            }
        }
        let mailbox = EngineMailbox()
        mailbox.close()
        #expect(throws: EngineError.stopped) {
            try mailbox.replaceVariants(with: VariantSets(common: [base]))
        }
        #expect(!mailbox.post(.stop) && mailbox.dequeue() == nil)
    }

    @Test func `A replacement fails when the engine never starts, and is not made later`() throws {
        let base = try Self.variant()
        let mailbox = EngineMailbox()
        #expect(throws: EngineError.noResponse(seconds: 0.05)) {
            try mailbox.replaceVariants(with: VariantSets(common: [base]), timeoutSeconds: 0.05)
        }
        #expect(mailbox.dequeue() == nil)
    }
}
