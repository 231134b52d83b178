import TestSupport
import Testing
import TextSupport

@Suite struct JSONWriterTests {
    private func text(_ write: (inout JSONWriter) -> Void) -> String {
        var json = JSONWriter()
        write(&json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    @Test func `Members keep the order they are written in`() {
        let written = text { json in
            json.object { json in
                json.member("z", 1)
                json.member("a", true)
                json.key("m")
                json.array { json in
                    json.integer(-2)
                    json.null()
                    json.object { _ in }
                }
                json.member("none", nil as String?)
            }
        }
        #expect(written == #"{"z":1,"a":true,"m":[-2,null,{}],"none":null}"#)
    }

    @Test func `Quotes, control characters and line separators are escaped`() {
        let written = text { $0.string("a\"b\\c\n\r\t\u{0}\u{1B}\u{7F}\u{9B}\u{2028}\u{2029}/é🎵") }
        #expect(
            written
                == #""a\"b\\c\n\r\t\u0000\u001b\u007f\u009b\u2028\u2029/é🎵""#)
    }

    @Test func `Numbers that JSON cannot say become null`() {
        let written = text { json in
            json.array { json in
                json.number(Float.nan)
                json.number(-Float.infinity)
                json.number(Double.infinity)
                json.number(Double.nan, decimals: 3)
                json.seconds(.nan)
            }
        }
        #expect(written == "[null,null,null,null,null]")
    }

    @Test func `Fixed decimals are rounded and padded`() {
        let cases: [(Double, Int, String)] = [
            (0, 1, "0.0"), (-0.04, 1, "0.0"), (-0.06, 1, "-0.1"), (10.239999, 2, "10.24"), (1.005, 0, "1"),
            (-23.45, 1, "-23.4"), (0.001, 3, "0.001"), (99.95, 1, "100.0"), (-1234.5678, 3, "-1234.568"),
            (1e300, 2, "1e+300"),
        ]
        for (value, decimals, expected) in cases {
            #expect(FixedDecimals.text(value, decimals: decimals) == expected)
        }
    }

    @Test func `Seconds lose the noise of binary fractions`() {
        #expect(text { $0.seconds(0.1 + 0.2) } == "0.3")
        #expect(text { $0.seconds(10.240000000000002) } == "10.24")
        #expect(text { $0.seconds(0) } == "0.0")
    }

    @Test func `A Float reads back as the very same Float`() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            let value = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &random))
            guard value.isFinite else { continue }
            let object = try JSONObject(parsing: Array(text { $0.object { $0.member("x", value) } }.utf8))
            #expect(try object.float("x")?.bitPattern == value.bitPattern)
        }
    }
}
