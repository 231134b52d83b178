import Capture
import Dispatch
import TestSupport
import Testing

@testable import Daemon

@Suite(.timeLimit(.minutes(10))) struct CommandMailboxTests {
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
            case .pause: "pause@\(entry.position)"
            case .sourceLost: "sourceLost@\(entry.position)"
            case .setMutedAfter(let seconds): "setMutedAfter \(seconds)"
            case .setLevel: "setLevel"
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
        #expect(Self.names(mailbox, upTo: 0) == ["setMutedAfter 3.0"], "due at once")
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
}
