import Frontend
import Testing

@testable import Daemon

@Suite struct GateLogTests {
    private static let second = Int64(FrontendConfig.sampleRateHz)
    private var log = GateLog()

    /// The messages of windows that end each second from `start` on, with their seconds.
    private mutating func messages(_ seconds: Range<Int>, isGated: (Int) -> Bool) -> [(Int, String)] {
        seconds.compactMap { second in
            log.process(
                windowEnd: Int64(second) * Self.second, isGated: isGated(second), thresholdDBFS: -60
            ).map { (second, $0) }
        }
    }

    @Test mutating func `The first window below the gate is logged, then their number once an hour`() {
        #expect(messages(0..<100) { _ in false }.isEmpty)
        // The gate opens and closes every ten seconds.
        let found = messages(100..<100 + 2 * 3600 + 1) { $0 % 20 < 10 }
        #expect(found.map(\.0) == [100, 3700, 7300])
        #expect(found[0].1.hasPrefix("everything is below the gate (-60.0 dBFS), so windows are not"))
        #expect(
            found[1].1 == "1800 of the last 3600 windows, an hour, were below the gate (-60.0 dBFS) and not "
                + "classified")
    }

    @Test mutating func `After an hour without one, the next is a first one again`() {
        #expect(messages(0..<2) { $0 == 0 }.count == 1)
        #expect(messages(2..<3601) { _ in false }.isEmpty)
        let found = messages(3601..<9000) { $0 >= 8000 }
        #expect(found.map(\.0) == [8000])
        #expect(found[0].1.hasPrefix("everything is below"))
    }
}
