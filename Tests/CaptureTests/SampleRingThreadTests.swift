import Capture
import Glibc
import TestSupport
import Testing

/// The ring between two real threads.
@Suite(.timeLimit(.minutes(10))) struct SampleRingThreadTests {
    /// The value a sample at a position has, so that it can be told wherever it comes out.
    private static func value(_ position: Int64) -> Float { Float(position % 65_521) }

    @Test func `Three million samples pass without a loss when the producer waits`() {
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
            case .hole: wrong += 1
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
    func `Under overruns every sample is delivered in its place or in a hole`() {
        let blocks = 20_000
        let ring = SampleRing(capacitySamples: 6_000)
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
        }
        var (position, wrong, popped, overrun, lost): (Int64, Int64, Int64, Int64, Int64) = (0, 0, 0, 0, 0)
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: 500)
        defer { buffer.deallocate() }
        var turns = 0
        reading: while true {
            turns += 1
            if turns % 400 == 0 { usleep(2_000) }  // slow enough that the ring fills
            switch ring.pop(into: buffer) {
            case .samples(let count, let start, _):
                if start != position { wrong += 1 }
                for index in 0..<count where buffer[index] != Self.value(position + Int64(index)) {
                    wrong += 1
                }
                position += Int64(count)
                popped += Int64(count)
            case .hole(let start, let end, let reason):
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

    @Test func `Waiting ends with the first sample, not with the time limit`() {
        let ring = SampleRing(capacitySamples: 100)
        let begin = monotonicSeconds()
        let producer = TestThread {
            usleep(50_000)
            ring.push([1, 2, 3])
        }
        ring.wait(timeoutSeconds: 60)
        let waited = monotonicSeconds() - begin
        producer.join()
        #expect(waited >= 0.04 && waited < 30)
        #expect(ring.pop(10).samples == [1, 2, 3])
    }

    @Test func `Waiting ends with finish, with wake and with the time limit`() {
        let ring = SampleRing(capacitySamples: 100)
        ring.wake()
        var begin = monotonicSeconds()
        ring.wait(timeoutSeconds: 60)
        #expect(monotonicSeconds() - begin < 30)

        let waker = TestThread {
            usleep(20_000)
            ring.wake()
        }
        ring.wait(timeoutSeconds: 60)
        #expect(monotonicSeconds() - begin < 30)
        waker.join()

        begin = monotonicSeconds()
        ring.wait(timeoutSeconds: 0.05)
        let waited = monotonicSeconds() - begin
        #expect(waited >= 0.05 && waited < 30)

        let finisher = TestThread {
            usleep(20_000)
            ring.finish()
        }
        begin = monotonicSeconds()
        ring.wait(timeoutSeconds: 60)
        #expect(monotonicSeconds() - begin < 30)
        finisher.join()
        #expect(ring.pop(1).read == .finished)
    }

    @Test func `Closing lets a waiting producer go`() {
        let ring = SampleRing(capacitySamples: 100)
        let producer = TestThread { ring.pushWaiting([Float](repeating: 1, count: 1_000)) }
        let begin = monotonicSeconds()
        while ring.filledSamples == 0, monotonicSeconds() - begin < 60 { usleep(1_000) }
        #expect(ring.filledSamples > 0)
        ring.close()
        producer.join()  // hangs, and fails by time, when close does not wake it
        #expect(ring.filledSamples <= 100)
    }
}
