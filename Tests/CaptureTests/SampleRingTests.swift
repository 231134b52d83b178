import Capture
import Synchronization
import Testing

@Suite struct SampleRingTests {
    private static func ramp(_ from: Int, _ count: Int) -> [Float] { (from..<from + count).map { Float($0) } }

    @Test func `Samples come out in order, with their positions and the time of the last one popped`() {
        let ring = SampleRing(capacitySamples: 100)
        ring.push(Self.ramp(0, 40), at: 1_000_000_000)
        ring.push(Self.ramp(40, 20), at: 2_000_000_000)
        #expect(ring.filledSamples == 60)
        let first = ring.pop(30)
        #expect(first.samples == Self.ramp(0, 30))
        // Ten samples before the first block's last one, 62.5 µs each.
        #expect(first.read == .samples(count: 30, startSample: 0, lastSampleNanos: 999_375_000))
        let second = ring.pop(100)
        #expect(second.samples == Self.ramp(30, 30))
        #expect(second.read == .samples(count: 30, startSample: 30, lastSampleNanos: 2_000_000_000))
        #expect(ring.pop(1).read == .empty)
        #expect(ring.filledSamples == 0)
    }

    @Test func `Samples survive wrapping around the end of the storage many times`() {
        let ring = SampleRing(capacitySamples: 97)
        var log = StreamLog()
        for block in 0..<1000 {
            ring.push(Self.ramp(block * 41, 41))
            while log.take(from: ring, limit: 29) {}
        }
        #expect(log.samples == Self.ramp(0, 41_000))
        #expect(log.gaps.isEmpty)
        #expect(log.firstMismatch == nil)
    }

    @Test func `Samples that do not fit are dropped, counted, and reported as a gap in their place`() {
        let ring = SampleRing(capacitySamples: 100)
        ring.push(Self.ramp(0, 80))
        ring.push(Self.ramp(80, 50), at: 1_000_000_000)
        ring.push(Self.ramp(130, 10))
        #expect(ring.overrunSamples == 40)
        let before = ring.pop(1000)
        #expect(before.samples == Self.ramp(0, 100))
        // The last sample that fitted was captured 30 samples before the end of its block.
        #expect(
            before.read
                == .samples(count: 100, startSample: 0, lastSampleNanos: 1_000_000_000 - 30 * 62_500))
        ring.push(Self.ramp(140, 5))
        #expect(ring.pop(1000).read == .gap(start: 100, end: 140, reason: .overrun))
        let after = ring.pop(1000)
        #expect(after.samples == Self.ramp(140, 5))
        #expect(ring.overrunSamples == 40)
    }

    @Test func `After an overrun the stream continues with a complete block`() {
        let ring = SampleRing(capacitySamples: 100)
        ring.push(Self.ramp(0, 120))
        _ = ring.pop(30)
        ring.push(Self.ramp(120, 40))  // 30 would fit, as a fragment between two gaps
        _ = ring.pop(20)
        ring.push(Self.ramp(160, 40))
        var log = StreamLog()
        log.position = 50
        while log.take(from: ring) {}
        #expect(log.gaps == [.init(start: 100, end: 160, reason: .overrun)])
        #expect(log.samples == Self.ramp(50, 50) + Self.ramp(160, 40))
        #expect(log.firstMismatch == nil)
        #expect(ring.overrunSamples == 60)
    }

    @Test func `A block larger than the ring fills it, and the rest is a gap`() {
        let ring = SampleRing(capacitySamples: 10)
        for block in 0..<3 {
            ring.push(Self.ramp(block * 25, 25))
            #expect(ring.pop(100).samples == Self.ramp(block * 25, 10))
            let start = Int64(block * 25 + 10)
            #expect(ring.pop(100).read == .gap(start: start, end: start + 15, reason: .overrun))
        }
    }

    @Test func `Skips are gaps between the samples around them`() {
        let ring = SampleRing(capacitySamples: 1000)
        ring.skip(samples: 7, reason: .sourceLost)
        ring.push(Self.ramp(7, 10))
        ring.skip(samples: 3, reason: .sourceLost)
        ring.skip(samples: 4, reason: .sourceLost)
        ring.skip(samples: 0, reason: .overrun)
        ring.push(Self.ramp(24, 10))
        ring.finish()
        #expect(ring.pop(100).read == .gap(start: 0, end: 7, reason: .sourceLost))
        #expect(ring.pop(100).samples == Self.ramp(7, 10))
        #expect(ring.pop(100).read == .gap(start: 17, end: 24, reason: .sourceLost))
        #expect(ring.pop(100).samples == Self.ramp(24, 10))
        #expect(ring.pop(100).read == .finished)
        #expect(ring.pop(100).read == .finished)
        #expect(ring.overrunSamples == 0)
    }

    @Test func `Gaps of alternating reasons neither overflow the ring nor lose a sample`() {
        let ring = SampleRing(capacitySamples: 64)
        for _ in 0..<500 { ring.push([1]) }  // more blocks than the ring has entries
        let droppedBlocks = ring.overrunSamples
        #expect(droppedBlocks > 0)
        for _ in 0..<100 {
            ring.skip(samples: 5, reason: .sourceLost)
            ring.skip(samples: 2, reason: .overrun)
        }
        var log = StreamLog()
        while log.take(from: ring) {}
        #expect(log.position == 500 + 700)
        #expect(log.firstMismatch == nil)
        #expect(log.missing(.overrun) == ring.overrunSamples)
        #expect(log.missing(.overrun) + log.missing(.sourceLost) + Int64(log.samples.count) == 1200)
        #expect(Set(log.gaps.map(\.reason)) == [.overrun, .sourceLost])
        ring.push(Self.ramp(0, 8))
        #expect(ring.pop(100).read == .samples(count: 8, startSample: 1200, lastSampleNanos: 0))
    }

    @Test func `Unusable samples are reported once, to the consumer`() {
        let reports = Atomic<Int>(0)
        let ring = SampleRing(capacitySamples: 16) { reports.add(1, ordering: .relaxed) }
        ring.push([0.5])
        _ = ring.pop(16)
        let early = reports.load(ordering: .relaxed)
        #expect(early == 0)
        for _ in 0..<3 {
            ring.push([.nan, 0.5])
            _ = ring.pop(16)
        }
        let count = reports.load(ordering: .relaxed)
        #expect(count == 1)
        #expect(ring.unusableSamples == 3)
    }

    @Test func `NaN, infinite and huge values become silence and are counted`() {
        let ring = SampleRing(capacitySamples: 16)
        ring.push([0.25, .nan, -.infinity, 1e30, -0.25])
        #expect(ring.pop(16).samples == [0.25, 0, 0, 0, -0.25])
        #expect(ring.unusableSamples == 3)
    }

    @Test func `The end of the stream is read only after all samples before it`() {
        let ring = SampleRing(capacitySamples: 8)
        #expect(ring.pop(8).read == .empty)
        ring.push(Self.ramp(0, 12))
        ring.finish()
        #expect(ring.pop(8).samples == Self.ramp(0, 8))
        #expect(ring.pop(8).read == .gap(start: 8, end: 12, reason: .overrun))
        #expect(ring.pop(8).read == .finished)
    }

    @Test func `Pushing to a closed ring does nothing and does not wait`() {
        let ring = SampleRing(capacitySamples: 8)
        ring.close()
        ring.pushWaiting(Self.ramp(0, 1000))
        ring.push(Self.ramp(0, 1000))
        #expect(ring.overrunSamples == 0)
        #expect(ring.pop(8).read == .empty)
    }
}
