import Testing
import Wire

@testable import Daemon

@Suite struct Mailboxes {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func `Lines come out whole and in order, about as many bytes as asked for`() {
        var mailbox = Mailbox(form: .plain, limits: .init())
        for line in ["one\n", "two\n", "three\n"] { #expect(mailbox.put(Array(line.utf8)) == true) }
        #expect(text(mailbox.take(maximumBytes: 8)) == "one\ntwo\n")
        #expect(text(mailbox.take(maximumBytes: 1)) == "three\n")
        #expect(mailbox.take(maximumBytes: 8) == [])
        #expect(mailbox.isEmpty)
    }

    @Test func `What did not fit is counted and told where it is missing`() {
        var mailbox = Mailbox(form: .plain, limits: .init(queueBytes: 8))
        #expect(mailbox.put(Array("one\n".utf8)) == true)
        #expect(mailbox.put(Array("two\n".utf8)) == true)
        #expect(mailbox.put(Array("three\n".utf8)) == false)
        #expect(mailbox.put(Array("four\n".utf8)) == false)
        #expect(text(mailbox.take(maximumBytes: 4)) == "one\n")
        #expect(mailbox.put(Array("six\n".utf8)) == true)
        #expect(text(mailbox.take(maximumBytes: 1000)) == "two\n{\"type\":\"lost\",\"count\":2}\nsix\n")
        #expect(mailbox.isEmpty)
    }

    @Test func `A loss at the end is told without waiting for the next record`() {
        var mailbox = Mailbox(form: .notification, limits: .init(queueBytes: 4))
        #expect(mailbox.put(Array("one\n".utf8)) == true)
        #expect(mailbox.put(Array("two\n".utf8)) == false)
        #expect(text(mailbox.take(maximumBytes: 100)) == "one\n")
        #expect(!mailbox.isEmpty)
        #expect(
            text(mailbox.take(maximumBytes: 100))
                == #"{"jsonrpc":"2.0","method":"lost","params":{"type":"lost","count":1}}"# + "\n")
        #expect(mailbox.isEmpty)
    }

    @Test func `The number of lines is bounded too`() {
        var mailbox = Mailbox(form: .plain, limits: .init(queueRecords: 10))
        let taken = (0..<100).filter { _ in mailbox.put([0x0A]) }
        #expect(taken.count == 9)  // One place is kept for `lost`.
    }
}
