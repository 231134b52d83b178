import Capture
import Dispatch
import Inference
import Recognizer
import Synchronization
import TestSupport
import Testing

@testable import Daemon

@Suite(.timeLimit(.minutes(10))) struct CommandMailboxTests {
    private static func variant() throws -> Variant {
        VariantMaker(base: try BaseModel(directory: Golden.path("models/stride10")), activation: nil)
            .baseVariant
    }

    private static func push(_ count: Int, _ ring: SampleRing) {
        [Float](repeating: 0.1, count: count).withUnsafeBufferPointer { ring.push($0, lastSampleNanos: 0) }
    }

    private static func dequeueAll(_ mailbox: CommandMailbox, upTo position: Int64) -> [CommandMailbox.Entry]
    {
        var entries: [CommandMailbox.Entry] = []
        while let entry = mailbox.dequeue(upTo: position) { entries.append(entry) }
        return entries
    }

    private static func names(_ mailbox: CommandMailbox, upTo position: Int64) -> [String] {
        dequeueAll(mailbox, upTo: position).map { entry in
            switch entry.command {
            case .stop: "stop"
            case .pause: "pause@\(entry.position)"
            case .sourceLost: "sourceLost@\(entry.position)"
            case .replaceVariants: "replaceVariants"
            case .setMutedAfter(let seconds): "setMutedAfter \(seconds)"
            }
        }
    }

    @Test func `Commands about the stream are due at the position at which they were posted`() {
        let ring = SampleRing(capacitySamples: 10_000)
        let mailbox = CommandMailbox(ring: ring)
        Self.push(300, ring)
        mailbox.post(.sourceLost)
        ring.skip(samples: 50, reason: .sourceLost)
        ring.skip(samples: 50, reason: .sourceLost)
        Self.push(100, ring)
        mailbox.post(.pause)
        mailbox.post(.setMutedAfter(seconds: 3))
        mailbox.post(.stop)
        #expect(Self.names(mailbox, upTo: 0) == ["setMutedAfter 3.0", "stop"], "due at once")
        #expect(mailbox.dequeue(upTo: 299) == nil)
        #expect(Self.names(mailbox, upTo: 300) == ["sourceLost@300"])
        #expect(mailbox.dequeue(upTo: 499) == nil)
        #expect(Self.names(mailbox, upTo: 600) == ["pause@500"])
        #expect(mailbox.dequeue(upTo: 600) == nil, "each command is dequeued once")
    }

    @Test func `A command that is posted before samples are pushed is found by whoever has popped them`() {
        // Large enough for all rounds: no overrun.
        let ring = SampleRing(capacitySamples: 1_000_000)
        let mailbox = CommandMailbox(ring: ring)
        let rounds = 2_000
        DispatchQueue(label: "source").async {
            for round in 0..<rounds {
                Self.push(32, ring)
                if round % 2 == 0 { mailbox.post(.pause) }
                ring.skip(samples: 1, reason: .paused)
            }
            ring.finish()
        }
        let block = UnsafeMutableBufferPointer<Float>.allocate(capacity: 1_600)
        defer { block.deallocate() }
        var position: Int64 = 0
        var pauses = 0
        stream: while true {
            switch ring.pop(into: block) {
            case .samples(let count, _, _): position += Int64(count)
            case .gap(_, let end, _):
                // The pause was posted at the start of this gap.
                let entries = Self.dequeueAll(mailbox, upTo: end - 1)
                #expect(entries.allSatisfy { $0.position == position })
                pauses += entries.count
                position = end
            case .empty: ring.wait(timeoutSeconds: 1)
            case .finished: break stream
            }
        }
        #expect(pauses == rounds / 2)
    }

    @Test func `Each replacement is dequeued once, in order, by the engine thread`() throws {
        let base = try Self.variant()
        let mailbox = CommandMailbox(ring: SampleRing(capacitySamples: 1))
        let dequeued = Mutex(0)
        let isOver = Mutex(false)
        let done = DispatchSemaphore(value: 0)
        DispatchQueue(label: "engine").async {
            while !isOver.withLock({ $0 }) {
                while case .replaceVariants(let replacement) = mailbox.dequeue(upTo: 0)?.command {
                    dequeued.withLock { $0 += replacement.variants.count }
                    replacement.complete(.init(replaced: [], dequeued: .now))
                }
            }
            done.signal()
        }
        for count in 1...50 {
            let outcome = try mailbox.replaceVariants(with: Array(repeating: base, count: count))
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
            let mailbox = CommandMailbox(ring: SampleRing(capacitySamples: 1))
            DispatchQueue.global().async { mailbox.close() }
            #expect(throws: EngineError.stopped) { try mailbox.replaceVariants(with: [base]) }
        }
        let mailbox = CommandMailbox(ring: SampleRing(capacitySamples: 1))
        mailbox.close()
        #expect(throws: EngineError.stopped) { try mailbox.replaceVariants(with: [base]) }
        #expect(!mailbox.post(.pause) && mailbox.dequeue(upTo: .max) == nil)
    }

    @Test func `A replacement fails when the engine never starts, and is not made later`() throws {
        let base = try Self.variant()
        let mailbox = CommandMailbox(ring: SampleRing(capacitySamples: 1))
        #expect(throws: EngineError.noResponse(seconds: 0.05)) {
            try mailbox.replaceVariants(with: [base], timeoutSeconds: 0.05)
        }
        #expect(mailbox.dequeue(upTo: .max) == nil)
    }
}
