import TestSupport
import Testing

@testable import Daemon

@Suite struct StreamClockTests {
    private static let second: Int64 = 1_000_000_000
    private static let millisecond: Int64 = 1_000_000
    /// An hour after the machine started, in 2026.
    private static let boot = 3600 * second
    private static let wallOffset = 1_767_225_598 * second
    private static let block: Int64 = 1600

    /// A time that was published.
    private struct Time {
        var position: Int64
        var unixNanos: Int64
    }

    /// Feeds blocks of a tenth of a second, and publishes the time of each second's end.
    private static func run(
        _ clock: inout StreamClock, blocks: Int, arrival: (Int64) -> Int64,
        wall: (Int64) -> Int64 = { _ in wallOffset }
    ) -> [Time] {
        var times: [Time] = []
        for index in 1...Int64(blocks) {
            let end = index * block
            clock.update(endSample: end, nanos: arrival(end), wallOffsetNanos: wall(end))
            if index % 10 == 0 {
                times.append(Time(position: end, unixNanos: clock.publish(ofSampleBefore: end)))
            }
        }
        return times
    }

    private static func captured(_ position: Int64, rate: Double = 16_000) -> Int64 {
        boot + Int64(Double(position) / rate * 1e9)
    }

    @Test
    func `Published times only increase, are never revised, and follow a drifting clock through jitter`() {
        var random = SeededGenerator(seed: 5)
        var clock = StreamClock(.live)
        // A sample clock that is 100 ppm slow, and blocks that are up to 30 ms late.
        let rate = 16_000 * 0.9999
        let times = Self.run(&clock, blocks: 36_000) {
            Self.captured($0, rate: rate) + Int64.random(in: 0...30, using: &random) * Self.millisecond
        }
        #expect(zip(times, times.dropFirst()).allSatisfy { $0.unixNanos < $1.unixNanos })
        for time in times {
            let error = time.unixNanos - Self.wallOffset - Self.captured(time.position, rate: rate)
            // Within the jitter at first; the drift of 360 ms in all does not add up.
            #expect(abs(error) < 35 * Self.millisecond, "at \(time.position)")
        }
        for time in times.suffix(900) {
            #expect(clock.unixNanos(ofSampleBefore: time.position) == time.unixNanos)
        }
        let last = times[times.count - 1]
        #expect(
            abs(last.unixNanos - Self.wallOffset - Self.captured(last.position, rate: rate))
                < 12 * Self.millisecond)
    }

    @Test func `A length is the difference of the written times, also across a jump of the wall clock`() {
        var clock = StreamClock(.live)
        let jump = 7200 * Self.second
        let times = Self.run(&clock, blocks: 200, arrival: { Self.captured($0) }) {
            $0 <= 160_000 ? Self.wallOffset : Self.wallOffset + jump
        }
        #expect(clock.milliseconds(from: times[2].position, to: times[5].position) == 3000)
        #expect(clock.milliseconds(from: times[5].position, to: times[15].position) == 10_000)
        #expect(times[15].unixNanos - times[5].unixNanos == jump + 10 * Self.second)
        #expect(clock.milliseconds(from: times[5].position, to: times[5].position) == 0)
    }

    @Test func `A recording's times are positions, whatever the speed at which it is read`() {
        for slowness in [0.001, 1, 3] {
            for start in [nil, Int64(1_714_541_400) * Self.second] {
                var clock = StreamClock(.recorded(startUnixNanos: start))
                let times = Self.run(&clock, blocks: 300) {
                    Self.boot + Int64(Double($0) * slowness * 62_500)
                }
                let begin = start ?? times[0].unixNanos - Self.second
                for time in times { #expect(time.unixNanos == begin + time.position * 62_500) }
            }
        }
    }

    @Test func `A pipe that is faster or slower than real time has the times of its positions`() {
        for slowness in [0.001, 0.5, 1.7] {
            var clock = StreamClock(.piped)
            let times = Self.run(&clock, blocks: 3000) { Self.boot + Int64(Double($0) * slowness * 62_500) }
            let begin = times[0].unixNanos - Self.second
            for time in times {
                let error = time.unixNanos - begin - time.position * 62_500
                #expect(abs(error) <= Self.second / 100, "\(slowness) \(time.position)")
            }
        }
    }

    @Test func `After a stall the times of a pipe follow the clock`() {
        var clock = StreamClock(.piped)
        let times = Self.run(&clock, blocks: 200) {
            Self.captured($0) + ($0 > 160_000 ? 3600 * Self.second : 0)
        }
        #expect(times[9].unixNanos - times[0].unixNanos == 9 * Self.second)
        #expect(times[10].unixNanos - times[9].unixNanos == 3601 * Self.second)
        #expect(times[19].unixNanos - times[10].unixNanos == 9 * Self.second)
    }

    @Test(arguments: [4, 15])
    func `Samples that were held back and arrive at once have the times at which they were captured`(
        seconds: Int64
    ) {
        var clock = StreamClock(.live)
        // Nothing arrives between the tenth second and the end of the hold; then everything within moments.
        let release = Self.captured(160_000) + seconds * Self.second
        let times = Self.run(&clock, blocks: 600) { position in
            position <= 160_000 ? Self.captured(position) : max(Self.captured(position), release + position)
        }
        for time in times {
            let error = time.unixNanos - Self.wallOffset - Self.captured(time.position)
            #expect(abs(error) < 35 * Self.millisecond, "at \(time.position): \(error)")
        }
    }

    @Test func `A delay that stays moves the times of a live source`() {
        var clock = StreamClock(.live)
        let times = Self.run(&clock, blocks: 300) {
            Self.captured($0) + ($0 > 160_000 ? 10 * Self.second : 0)
        }
        #expect(times[29].unixNanos - times[9].unixNanos == 30 * Self.second)
        #expect(zip(times, times.dropFirst()).allSatisfy { $0.unixNanos < $1.unixNanos })
    }

    @Test func `A live pipe follows the drift of its clock`() {
        var clock = StreamClock(.piped)
        let rate = 16_000 * 1.0001
        let times = Self.run(&clock, blocks: 36_000) { Self.captured($0, rate: rate) }
        let last = times[times.count - 1]
        #expect(
            abs(last.unixNanos - Self.wallOffset - Self.captured(last.position, rate: rate))
                < 12 * Self.millisecond)
    }
}
