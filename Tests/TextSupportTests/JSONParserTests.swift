import Foundation
import TestSupport
import Testing
import TextSupport

@Suite struct JSONParserTests {
    private func parse(_ text: String) throws(JSONError) -> JSONValue {
        try JSONValue(parsing: Array(text.utf8))
    }

    @Test func `Values of every kind are read`() throws {
        let value = try parse(
            #" { "a" : [ 1 , -0.5e+3, "x\u00e9\ud83c\udfb5\/\b" , true, false, null ] , "" : {} } "#)
        let expected = JSONValue.object(
            JSONObject([
                "a": .array([
                    .number("1"), .number("-0.5e+3"), .string("xé🎵/\u{8}"), .bool(true), .bool(false), .null,
                ]),
                "": .object(JSONObject()),
            ]))
        #expect(value == expected)
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\":2}",
        "01", "1.", ".5", "-", "+1", "1e", "1e+", "0x10", "NaN", "Infinity", "nul", "nulll", "tru", "1 1",
        "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
        "\"\\udc00\"", "\"a\nb\"", "'a'", "{\"a\":1,\"a\":2}", "{1:2}", "]", "}", "[}", "\u{FEFF}1",
    ])
    func `Text that is not JSON is refused`(_ text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test func `Bytes that are not UTF-8 are refused`() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xC3, 0x22]) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xED, 0xA0, 0x80, 0x22]) }
    }

    @Test func `Nesting is read to the limit and refused beyond`() throws {
        let limit = JSONValue.maximumDepth
        let deepest = String(repeating: "[", count: limit) + String(repeating: "]", count: limit)
        _ = try parse(deepest)
        #expect(throws: JSONError.tooDeep(limit: limit)) { try parse("[\(deepest)]") }
        #expect(throws: JSONError.tooDeep(limit: limit)) {
            try parse(String(repeating: #"{"a":["#, count: 10_000))
        }
    }

    @Test func `An error says at which byte`() {
        #expect(throws: JSONError.notJSON(offset: 5, reason: "a value is expected")) {
            try parse(#"{"a":x}"#)
        }
    }

    @Test func `A duplicate key is refused with its name and position`() {
        #expect(throws: JSONError.notJSON(offset: 15, reason: "duplicate key `a`")) {
            try parse(#"{"b":{},"a":1, "\u0061":2}"#)
        }
        let long = String(repeating: "x", count: 1000)
        #expect(
            throws: JSONError.notJSON(
                offset: 1006, reason: "duplicate key `\(String(repeating: "x", count: 60))…`")
        ) {
            try parse(#"{"\#(long)":1,"\#(long)":2}"#)
        }
    }

    @Test func `Values are read up to their largest number and refused beyond`() throws {
        func zeros(_ count: Int) -> String { "[" + String(repeating: "0,", count: count - 1) + "0]" }
        _ = try parse(zeros(JSONValue.maximumCount - 1))
        #expect(throws: JSONError.self) { try parse(zeros(JSONValue.maximumCount)) }
    }

    @Test func `Members keep the order of the text`() throws {
        guard case .object(let object) = try parse(#"{"b":1,"a":{"z":2,"y":3},"c":null}"#) else {
            Issue.record("not an object")
            return
        }
        #expect(object.orderedMembers.map(\.name) == ["b", "a", "c"])
        #expect(JSONValue.object(object).text == #"{"b":1,"a":{"z":2,"y":3},"c":null}"#)
    }

    @Test func `Hostile mutations never crash and agree with Foundation`() throws {
        let seedText = #"{"jsonrpc":"2.0","id":12,"method":"a\u00e9b","params":{"x":[1.5e3,true,null,"ü"]}}"#
        var random = SeededGenerator(seed: 11)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = Array(seedText.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let position = Int.random(in: 0..<bytes.count, using: &random)
                let marks = Array(#"{}[]",:\0159eE+-.tfn u"#.utf8) + [0, 0x80, 0xC3, 0xFF]
                guard let byte = marks.randomElement(using: &random) else { continue }
                if Bool.random(using: &random) { bytes[position] = byte } else { bytes.remove(at: position) }
            }
            let ours = try? JSONValue(parsing: bytes)
            let theirs = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            // Ours is the stricter reader; whatever it accepts, another reader must accept too.
            if ours != nil {
                accepted += 1
                #expect(theirs != nil, "\(String(decoding: bytes, as: UTF8.self))")
            }
        }
        #expect(accepted > 100)
    }
}
