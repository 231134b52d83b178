import Capture
import Glibc
import Synchronization
import TestSupport
import Testing

/// The ring between two threads.
@Suite(.timeLimit(.minutes(10))) struct SampleRingThreadTests {
    private final class Progress: Sendable { let isFinished = Atomic<Bool>(false) }

    /// The value of the sample at a position, which identifies it.
    private static func value(_ position: Int64) -> Float { Float(position % 65_521) }

    @Test func `Three million samples pass without loss when the producer waits`() {
        let total: Int64 = 3_000_000
        let ring = SampleRing(capacitySamples: 4_000)
        let producer = TestThread {
            var position: Int64 = 0
            var size = 1
            while position < total {
                let count = min(Int64(size), total - position)
                ring.pushWaiting((position..<position + count).map(Self.value), at: position)
                position += count
                size = size * 7 % 5_003  // blocks of 1 to 5002, some larger than the ring
            }
            ring.finish()
        }
        var (position, wrong): (Int64, Int64) = (0, 0)
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: 1_711)
        defer { buffer.deallocate() }
        reading: while true {
            switch ring.pop(into: buffer) {
            case .samples(let count, let start, _):
                if start != position { wrong += 1 }
                for index in 0..<count where buffer[index] != Self.value(position + Int64(index)) {
                    wrong += 1
                }
                position += Int64(count)
            case .gap: wrong += 1
            case .empty: ring.wait(timeoutSeconds: 5)
            case .finished: break reading
            }
        }
        producer.join()
        #expect(position == total)
        #expect(wrong == 0)
        #expect(ring.overrunSamples == 0)
    }

    @Test
    func `Under overruns every sample is delivered in its place or reported in a gap`() {
        let blocks = 20_000
        let ring = SampleRing(capacitySamples: 6_000)
        let progress = Progress()
        let producer = TestThread {
            var position: Int64 = 0
            for block in 0..<blocks {
                let count = Int64(1 + block * 37 % 320)
                ring.push((position..<position + count).map(Self.value))
                position += count
                if block % 100 == 99 {
                    ring.skip(samples: 1_000, reason: .sourceLost)
                    position += 1_000
                }
            }
            ring.finish()
            progress.isFinished.store(true, ordering: .releasing)
        }
        var (position, wrong, popped, overrun, lost): (Int64, Int64, Int64, Int64, Int64) = (0, 0, 0, 0, 0)
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: 500)
        defer { buffer.deallocate() }
        var turns = 0
        reading: while true {
            turns += 1
            // Lets the ring overflow before reading again.
            if turns % 400 == 0 {
                let before = ring.overrunSamples
                while ring.overrunSamples == before, !progress.isFinished.load(ordering: .acquiring) {
                    sched_yield()
                }
            }
            switch ring.pop(into: buffer) {
            case .samples(let count, let start, _):
                if start != position { wrong += 1 }
                for index in 0..<count where buffer[index] != Self.value(position + Int64(index)) {
                    wrong += 1
                }
                position += Int64(count)
                popped += Int64(count)
            case .gap(let start, let end, let reason):
                if start != position || end <= start { wrong += 1 }
                position = end
                if reason == .overrun { overrun += end - start } else { lost += end - start }
            case .empty: ring.wait(timeoutSeconds: 5)
            case .finished: break reading
            }
        }
        producer.join()
        let pushed = (0..<blocks).reduce(Int64(0)) { $0 + Int64(1 + $1 * 37 % 320) }
        #expect(wrong == 0)
        #expect(popped > 0 && overrun > 0)
        #expect(lost == 200_000)
        #expect(popped + overrun == pushed)
        #expect(overrun == ring.overrunSamples)
        #expect(position == pushed + 200_000)
    }

    /// A time limit of `wait` that no test reaches: a call that returns was woken.
    private static let noLimit = 3_600.0

    @Test func `Waiting ends with the first sample`() async throws {
        // Each round is a race between the wait and the push; every order of the two has to work.
        try await completes("waiting for samples") {
            for _ in 0..<1_000 {
                let ring = SampleRing(capacitySamples: 100)
                let producer = TestThread { ring.push([1, 2, 3]) }
                ring.wait(timeoutSeconds: Self.noLimit)
                producer.join()
                #expect(ring.pop(10).samples == [1, 2, 3])
            }
        }
    }

    @Test func `Waiting ends with finish and with wake`() async throws {
        try await completes("waiting") {
            for _ in 0..<1_000 {
                let ring = SampleRing(capacitySamples: 100)
                ring.wake()
                ring.wait(timeoutSeconds: Self.noLimit)
                let waker = TestThread { ring.wake() }
                ring.wait(timeoutSeconds: Self.noLimit)
                waker.join()
                let finisher = TestThread { ring.finish() }
                ring.wait(timeoutSeconds: Self.noLimit)
                finisher.join()
                #expect(ring.pop(1).read == .finished)
            }
        }
    }

    @Test func `Waiting ends with its time limit, and not before`() async throws {
        let ring = SampleRing(capacitySamples: 100)
        let begin = SystemClock.bootNanos
        try await completes("waiting for 50 ms") { ring.wait(timeoutSeconds: 0.05) }
        #expect(SystemClock.bootNanos - begin >= 50_000_000)
    }

    @Test func `Closing releases a waiting producer`() async throws {
        let ring = SampleRing(capacitySamples: 100)
        let producer = TestThread { ring.pushWaiting([Float](repeating: 1, count: 1_000)) }
        try await eventually("the first samples") {
            ring.filledSamples
        } until: {
            $0 > 0
        }
        ring.close()
        try await completes("pushWaiting") { producer.join() }
        #expect(ring.filledSamples <= 100)
    }
}
