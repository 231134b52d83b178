import Testing

@testable import Batch

@Suite struct WindowSpansTests {
    private func drawn(_ windows: [(Double, Double)]) -> [[Double]] {
        WindowSpans.drawn(windows.map { (start: $0, end: $1) }).map { [$0.start, $0.end] }
    }

    @Test func `Windows that do not overlap are drawn over their own spans`() {
        #expect(drawn([]) == [])
        #expect(drawn([(0, 3.5)]) == [[0, 3.5]])
        #expect(drawn([(0, 5), (5, 10)]) == [[0, 5], [5, 10]])
        // A hop longer than the window, and a last window that the end of the file cuts off.
        #expect(drawn([(0, 5), (8, 13)]) == [[0, 5], [8, 13]])
        #expect(drawn([(0, 5), (5, 7)]) == [[0, 5], [5, 7]])
    }

    @Test func `Windows that overlap share the time by the distance from their middles`() {
        // The first one from the beginning of the file, the last one to its end.
        #expect(drawn([(0, 5), (1, 6), (2, 7), (3, 8)]) == [[0, 3], [3, 4], [4, 5], [5, 8]])
        // A last window that ends with the file.
        #expect(drawn([(0, 5), (5, 10), (7, 12)]) == [[0, 5], [5, 8.5], [8.5, 12]])
    }
}
