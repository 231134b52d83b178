import Capture
import Testing

@Suite struct NoDataWatchdogTests {
    private static let milliseconds: Int64 = 1_000_000

    /// The ticks, in milliseconds, at which the source is lost.
    private static func lost(atTicks ticks: [Int64], arrivals: Set<Int64> = []) -> [Int64] {
        var watchdog = NoDataWatchdog(atNanos: 0)
        return ticks.filter { tick in
            if arrivals.contains(tick) { watchdog.recordArrival() }
            return watchdog.tick(atNanos: tick * milliseconds)
        }
    }

    @Test func `A source without samples for three seconds is lost`() {
        #expect(Self.lost(atTicks: (1...6).map { $0 * 500 }) == [3_000])
    }

    @Test func `Each arrival starts the three seconds again`() {
        #expect(Self.lost(atTicks: (1...9).map { $0 * 500 }, arrivals: [2_000]) == [4_500])
    }

    @Test func `Late ticks of a busy process count in full`() {
        #expect(Self.lost(atTicks: [900, 1_800, 2_700, 3_600]) == [3_600])
    }

    @Test func `A process that was stopped gives its source three seconds from then on`() {
        // One second, shorter than the limit, and an hour.
        #expect(Self.lost(atTicks: [500, 1_000, 2_500, 3_000, 3_500, 4_000, 4_500, 5_000, 5_500]) == [5_500])
        let hour: Int64 = 3_600_000
        #expect(Self.lost(atTicks: [500, hour] + (1...6).map { hour + $0 * 500 }) == [hour + 3_000])
    }
}
