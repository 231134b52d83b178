import Foundation
import TestSupport
import Testing
import Wire

@Suite struct TimestampTests {
    @Test func `Times are written in UTC with milliseconds`() {
        let cases: [(Int64, String)] = [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000_999_999, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999_999_999, "2024-02-29T23:59:59.999Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
            (1_767_225_598_250_000_000, "2025-12-31T23:59:58.250Z"),
        ]
        for (nanos, text) in cases {
            #expect(Timestamp(unixNanos: nanos).description == text)
        }
    }

    @Test func `Any time is read as it was written, and agrees with Foundation`() throws {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
        var random = SeededGenerator(seed: 3)
        for _ in 0..<5_000 {
            let seconds = Int64.random(in: -2_000_000_000...7_000_000_000, using: &random)
            let nanos = seconds * 1_000_000_000 + Int64.random(in: 0..<1_000, using: &random) * 1_000_000
            let text = Timestamp(unixNanos: nanos).description
            #expect(Timestamp(text)?.unixNanos == nanos)
            let date = Date(timeIntervalSince1970: Double(seconds)).formatted(style)
            #expect(text.prefix(19) == date.prefix(19))
        }
    }

    @Test(arguments: [
        "", "2025-12-31T23:59:58Z", "2025-12-31 23:59:58.250Z", "2025-12-31T23:59:58.250+",
        "2025-13-01T00:00:00.000Z", "2025-02-29T00:00:00.000Z", "2025-12-31T24:00:00.000Z",
        "2025-12-31T23:59:60.000Z", "2025-1a-31T23:59:58.250Z", "2025-12-00T23:59:58.250Z",
    ])
    func `Text in any other form is rejected`(_ text: String) {
        #expect(Timestamp(text) == nil)
    }
}
