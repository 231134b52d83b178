import TestSupport
import Testing
import Wire

@Suite struct LineFramerTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `Lines do not depend on how the bytes are split`() {
        var framer = LineFramer()
        #expect(framer.append(bytes("one\ntw")) == [.line(bytes("one"))])
        #expect(framer.append(bytes("o\r\n\n")) == [.line(bytes("two")), .line([])])
        #expect(framer.append([]) == [])
        #expect(framer.append(bytes("rest")) == [])
        #expect(framer.finish() == bytes("rest"))
        #expect(framer.finish() == nil)
    }

    @Test func `A line may have exactly the maximum length`() {
        var framer = LineFramer(maximumLineBytes: 4)
        #expect(framer.append(bytes("abcd\n")) == [.line(bytes("abcd"))])
        #expect(framer.append(bytes("abcde\nok\n")) == [.overlong, .line(bytes("ok"))])
    }

    @Test func `An overlong line is reported once, as soon as it exceeds the limit`() {
        var framer = LineFramer(maximumLineBytes: 4)
        #expect(framer.append(bytes("abc")) == [])
        #expect(framer.append(bytes("de")) == [.overlong])
        #expect(framer.append(bytes("fghijklmnop")) == [])
        #expect(framer.append(bytes("q\nfine\nmore too long\n")) == [.line(bytes("fine")), .overlong])
        #expect(framer.append(bytes("end\n")) == [.line(bytes("end"))])
    }

    @Test(arguments: UInt64(0)..<200)
    func `Any split of a stream yields the same lines`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let stream =
            (0..<400).map { _ -> UInt8 in
                bytes("ab\r\n\n").randomElement(using: &random) ?? 0
            } + bytes("\nabababab\r\nab")
        var whole = LineFramer(maximumLineBytes: 6)
        let expected = whole.append(stream)
        var split = LineFramer(maximumLineBytes: 6)
        var items: [LineFramer.Item] = []
        var rest = stream[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 0...9, using: &random))
            items += split.append(Array(piece))
            rest = rest.dropFirst(piece.count)
        }
        #expect(items == expected)
        #expect(split.finish() == whole.finish())
        #expect(items.contains(.overlong))
    }

    @Test func `Random lines are split at their line breaks`() {
        var random = SeededGenerator(seed: 5)
        let lines = (0..<500).map { _ in
            (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 32...126, using: &random)
            }
        }
        var framer = LineFramer()
        let items = framer.append(lines.flatMap { $0 + [0x0A] })
        #expect(items == lines.map { .line($0) })
    }
}
