import Capture
import Settings
import TestSupport
import Testing
import Wire

@testable import Daemon

/// `level` records: sounds that are loud for some time.
@Suite struct LevelWatchTests {
    /// Feeds samples in blocks as the engine pops them, from a position on.
    private static func changes(
        _ watch: inout LevelWatch, _ samples: [Float], from start: Int64 = 0, block: Int = 1600
    ) -> [LevelWatch.Change] {
        var changes: [LevelWatch.Change] = []
        for offset in stride(from: 0, to: samples.count, by: block) {
            let piece = Array(samples[offset..<min(offset + block, samples.count)])
            let change = piece.withUnsafeBufferPointer { watch.process($0, at: start + Int64(offset)) }
            if let change { changes.append(change) }
        }
        return changes
    }

    private static func tone(_ amplitude: Float, tenths: Int) -> [Float] {
        (0..<tenths * 1600).map { $0 % 2 == 0 ? amplitude : -amplitude }
    }

    @Test(arguments: [1600, 1000, 7])
    func `A sound is loud from the first second above the limit to the first below, to the tenth`(block: Int)
    {
        var watch = LevelWatch(LevelSettings(above: -20.001, seconds: 1))
        // -20 dBFS for a second and a half, then 40 dB less; before, a click that a second does not notice.
        var click = Self.tone(0, tenths: 20)
        click[5_000] = 1
        let samples = click + Self.tone(0.1, tenths: 15) + Self.tone(0.001, tenths: 15)
        let changes = Self.changes(&watch, samples, block: block)
        guard changes.count == 2, case .began(let first) = changes[0], case .ended(let last) = changes[1]
        else {
            Issue.record("\(changes)")
            return
        }
        #expect(first.startSample == 20 * 1600 && first.endSample == 30 * 1600)
        #expect(abs(first.levelDBFS + 20) < 1e-5)
        #expect(last.startSample == first.startSample && last.endSample == 35 * 1600)
        #expect(abs(last.levelDBFS + 20) < 1e-5)
    }

    @Test func `The highest level is that of the end, and a sound is over at an interruption`() {
        var watch = LevelWatch(LevelSettings(above: -40, seconds: 0.2))
        let changes = Self.changes(
            &watch, Self.tone(0.05, tenths: 4) + Self.tone(0.5, tenths: 2) + Self.tone(0.05, tenths: 4),
            from: 800)
        #expect(changes.count == 1)
        guard case .ended(let sound)? = watch.interrupt() else {
            Issue.record("no sound has begun that could end")
            return
        }
        #expect(sound.startSample == 800 && sound.endSample == 800 + 10 * 1600)
        #expect(abs(sound.levelDBFS + 6.0206) < 1e-3)
        #expect(watch.interrupt() == nil)
        // What came before the interruption does not count.
        #expect(Self.changes(&watch, Self.tone(0.05, tenths: 1), from: 90_000).isEmpty)
        #expect(Self.changes(&watch, Self.tone(0.05, tenths: 1), from: 91_600).count == 1)
    }

    @Test func `Without a limit, and for invalid samples, no sound begins`() {
        var off = LevelWatch(LevelSettings())
        #expect(Self.changes(&off, Self.tone(1, tenths: 30)).isEmpty)
        var watch = LevelWatch(LevelSettings(above: -200, seconds: 0.1))
        #expect(Self.changes(&watch, Self.tone(0, tenths: 3) + [Float](repeating: .nan, count: 3200)).isEmpty)
    }

    @Test func `A source that is loud is so for clients that connect then, until it is quiet or removed`() {
        let hub = EventHub()
        func level(_ source: String, _ state: LevelRecord.State) -> LiveRecord {
            .level(
                LevelRecord(
                    source: source, state: state, unixNanos: 0, startSample: 0, endSample: 16_000,
                    levelDBFS: -10.5, duration: 1))
        }
        func shown() -> [LiveRecord] { hub.records(of: hub.attach(.everything) {}.id) }
        for source in ["garden", "door"] { hub.publish(level(source, .begin)) }
        #expect(shown() == [level("garden", .begin), level("door", .begin)])
        hub.publish(level("garden", .end))
        #expect(shown() == [level("door", .begin)])
        hub.remove(source: "door")
        #expect(shown().isEmpty)
    }
}
