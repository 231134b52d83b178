import Testing
import Wire

@testable import Gateway

@Suite struct EventDeliveryTests {
    private var delivery = EventDelivery(memory: 100)

    private func item(_ key: String, row: Int64? = nil) -> EventDelivery.Item {
        EventDelivery.Item(key: key, payload: "{\(key)}", row: row)
    }

    /// Sends what is next, with these numbers of messages.
    private mutating func send(_ rows: [EventDelivery.Item], isAll: Bool = true, from number: Int32)
        -> [String]
    {
        let items = delivery.next(rows: rows, isAll: isAll)
        for (offset, item) in items.enumerated() { delivery.sent(item, as: number + Int32(offset)) }
        return items.map(\.key)
    }

    @Test mutating func `An event leaves the outbox with its acknowledgement`() {
        #expect(send([item("a", row: 4), item("b", row: 7)], from: 1) == ["a", "b"])
        #expect(delivery.lastRow == 7 && delivery.room == 18 && !delivery.isIdle)
        delivery.acknowledged([2, 99])
        #expect(delivery.finishedRows == [7])
        // The disk is full: the row stays, and is deleted later.
        delivery.acknowledged([1])
        #expect(delivery.finishedRows == [4, 7] && !delivery.isIdle)
        delivery.deleted([4, 7])
        #expect(delivery.isIdle)
    }

    @Test mutating func `An event that was published without a row is not published again with it`() {
        delivery.append([item("a"), item("b"), item("c")])
        #expect(send([], from: 1) == ["a", "b", "c"])
        delivery.acknowledged([1])
        // The history has caught up: `a` has arrived, `b` is on its way, `d` is new.
        let rows = [item("a", row: 1), item("b", row: 2), item("c", row: 3), item("d", row: 4)]
        #expect(send(rows, from: 4) == ["d"])
        #expect(delivery.finishedRows == [1])
        delivery.acknowledged([2, 3, 4])
        #expect(delivery.finishedRows == [1, 2, 3, 4])
        // A daemon that repeats its records.
        delivery.append([item("a"), item("e")])
        #expect(send([], from: 5) == ["e"])
    }

    @Test mutating func `Events without a row follow those that wait in the outbox`() {
        delivery.append([item("c"), item("d")])
        #expect(send([item("a", row: 1)], isAll: false, from: 1) == ["a"])
        // `c` has got a row before it was sent: it is sent once.
        #expect(send([item("b", row: 2), item("c", row: 3)], from: 2) == ["b", "c", "d"])
        #expect(send([], from: 5) == [])
    }

    @Test mutating func `Few are on their way at a time, and of too many that wait the newest stay`() {
        delivery.append((1...1500).map { item("\($0)") })
        #expect(send([], from: 1) == (501...520).map { "\($0)" })
        #expect(delivery.room == 0 && send([], from: 50) == [])
        delivery.acknowledged([3])
        #expect(send([], from: 21) == ["521"])
    }
}
