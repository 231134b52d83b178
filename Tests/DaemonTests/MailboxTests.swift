import Testing
import Wire

@testable import Daemon

@Suite struct MailboxTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func `Lines are dequeued whole and in order, up to the requested number of bytes`() {
        var mailbox = Mailbox(form: .plain, limits: .init())
        for line in ["one\n", "two\n", "three\n"] { #expect(mailbox.enqueue(Array(line.utf8)) == true) }
        #expect(text(mailbox.dequeue(maximumBytes: 8)) == "one\ntwo\n")
        #expect(text(mailbox.dequeue(maximumBytes: 1)) == "three\n")
        #expect(mailbox.dequeue(maximumBytes: 8) == [])
        #expect(mailbox.isEmpty)
    }

    @Test func `Lines that do not fit are counted, and reported where they are missing`() {
        var mailbox = Mailbox(form: .plain, limits: .init(queueBytes: 8))
        #expect(mailbox.enqueue(Array("one\n".utf8)) == true)
        #expect(mailbox.enqueue(Array("two\n".utf8)) == true)
        #expect(mailbox.enqueue(Array("three\n".utf8)) == false)
        #expect(mailbox.enqueue(Array("four\n".utf8)) == false)
        #expect(text(mailbox.dequeue(maximumBytes: 4)) == "one\n")
        #expect(mailbox.enqueue(Array("six\n".utf8)) == true)
        #expect(text(mailbox.dequeue(maximumBytes: 1000)) == "two\n{\"type\":\"lost\",\"count\":2}\nsix\n")
        #expect(mailbox.isEmpty)
    }

    @Test func `A loss at the end is reported without waiting for the next record`() {
        var mailbox = Mailbox(form: .notification, limits: .init(queueBytes: 4))
        #expect(mailbox.enqueue(Array("one\n".utf8)) == true)
        #expect(mailbox.enqueue(Array("two\n".utf8)) == false)
        #expect(text(mailbox.dequeue(maximumBytes: 100)) == "one\n")
        #expect(!mailbox.isEmpty)
        #expect(
            text(mailbox.dequeue(maximumBytes: 100))
                == #"{"jsonrpc":"2.0","method":"lost","params":{"type":"lost","count":1}}"# + "\n")
        #expect(mailbox.isEmpty)
    }

    @Test func `The number of lines is bounded`() {
        var mailbox = Mailbox(form: .plain, limits: .init(queueRecords: 10))
        let queued = (0..<100).filter { _ in mailbox.enqueue([0x0A]) }
        #expect(queued.count == 9)  // One place is reserved for `lost`.
    }
}
