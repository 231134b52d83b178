import SystemSupport
import Testing

@Suite struct ConditionLockedTests {
    @Test func `A waiting thread wakes when another thread makes its condition true`() throws {
        let value = ConditionLocked(0)
        let thread = try NamedThread("astd-test") {
            for _ in 0..<100 { value.change { $0 += 1 } }
        }
        #expect(value.wait { $0 == 100 ? "full" : nil } == "full")
        thread.join()
    }

    @Test func `A wait whose time is over returns nil and changes nothing`() {
        let value = ConditionLocked(7)
        #expect(value.wait(milliseconds: 1) { $0 == 8 ? true : nil } == nil)
        #expect(value.change { $0 } == 7)
    }

    @Test func `Each of a hundred items is removed by one of four waiting threads`() throws {
        let items = ConditionLocked(Array(0..<100))
        let removed = ConditionLocked<[Int]>([])
        let threads = try (0..<4).map { _ in
            try NamedThread("astd-test") {
                while let item = items.change({ $0.popLast() }) { removed.change { $0.append(item) } }
            }
        }
        for thread in threads { thread.join() }
        #expect(removed.change { $0.sorted() } == Array(0..<100))
    }
}
