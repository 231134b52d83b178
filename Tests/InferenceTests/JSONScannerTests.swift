import Testing

@testable import Inference

@Suite struct JSONScannerTests {
    /// What `read` makes of `text`, or the problem that it throws.
    private static func scan<Value>(
        _ text: String, _ read: (inout JSONScanner) throws(ModelError) -> Value
    ) -> (value: Value?, problem: String?) {
        var bytes = Array(text.utf8)
        return bytes.withUnsafeMutableBytes { bytes in
            var scanner = JSONScanner(UnsafeRawBufferPointer(bytes), path: "test.json")
            do throws(ModelError) {
                let value = try read(&scanner)
                try scanner.end()
                return (value, nil)
            } catch {
                guard case .malformed("test.json", let problem) = error else { return (nil, "\(error)") }
                return (nil, problem)
            }
        }
    }

    private static func string(_ text: String) -> (value: String?, problem: String?) {
        scan(text) { scanner throws(ModelError) in try scanner.string() }
    }

    private static func naturals(_ text: String) -> (value: [Int]?, problem: String?) {
        scan(text) { scanner throws(ModelError) in try scanner.naturals(atMost: 3) }
    }

    private static func skip(_ text: String) -> String? {
        scan(text) { scanner throws(ModelError) in try scanner.skipValue() }.problem
    }

    @Test func `Keys come in the file's order, twice when they are there twice`() {
        let keys = Self.scan(#" { "b" : [1], "a":{"z":{}} ,"b":"x", "":null } "#) {
            scanner throws(ModelError) in
            var keys: [String] = []
            try scanner.object { key, scanner throws(ModelError) in
                keys.append(key + (scanner.isAtObject() ? "{}" : ""))
                try scanner.skipValue()
            }
            return keys
        }
        #expect(keys.value == ["b", "a{}", "b", ""])
    }

    @Test func `Escapes are characters`() {
        #expect(Self.string(#""\n\t\r\b\f\"\\\/""#).value == "\n\t\r\u{8}\u{C}\"\\/")
        #expect(Self.string(#""\u00e9\u732B x\u0041""#).value == "é猫 xA")
        #expect(Self.string("\"Käuzchen 猫 🎧\"").value == "Käuzchen 猫 🎧")
    }

    @Test(arguments: [
        #""\x""#, #""\u12g4""#, #""\u12"#, #""open"#, #"""#, "\"a\u{1}b\"", "\"a\nb\"", #""\ud83d""#, "bare",
        "",
    ])
    func `A string that is none is refused`(text: String) {
        #expect(Self.string(text).problem?.hasPrefix("JSON is not valid: ") == true)
    }

    @Test func `Natural numbers are read, up to the limit of their list`() {
        #expect(Self.naturals("[]").value == [])
        #expect(Self.naturals(" [ 0 ,1, 9007199254740991 ] ").value == [0, 1, 9_007_199_254_740_991])
        #expect(Self.naturals("[1,2,3,4]").problem == "JSON is not valid: more than 3 numbers in an array")
    }

    @Test(arguments: ["[-1]", "[1.5]", "[1e3]", "[true]", "[\"1\"]", "[1,]", "[,1]", "[1 2]", "[1", "[", "1"])
    func `A list of anything but natural numbers is refused`(text: String) {
        #expect(Self.naturals(text).value == nil)
    }

    @Test(arguments: [
        "[99999999999999999999]", "[18446744073709551615]", "[" + String(repeating: "9", count: 400) + "]",
    ])
    func `A number beyond any file's size is refused without overflow`(text: String) {
        #expect(Self.naturals(text).problem == "JSON is not valid: a number is too large")
    }

    @Test func `Nesting is followed to 16 levels and no further`() {
        func nested(_ depth: Int, _ open: String, _ close: String) -> String {
            String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
        }
        for (open, close) in [("[", "]"), (#"{"a":"#, "}"), (#"[{"a":"#, "}]")] {
            let levels = open.count { $0 == "[" || $0 == "{" }
            #expect(Self.skip(nested(15 / levels, open, close)) == nil, "\(open)")
            #expect(
                Self.skip(nested(17, open, close)) == "JSON is not valid: nested deeper than 16", "\(open)")
            let abyss = nested(200_000, open, close)
            #expect(Self.skip(abyss) == "JSON is not valid: nested deeper than 16", "\(open)")
        }
    }

    @Test func `Values of every kind are skipped whole`() {
        for text in [
            "null", "true", "-1.5E+3", #""a]}\"b""#, "[]", "{}", #"[1,"x",{"a":[true,false]},[[]]]"#,
        ] {
            #expect(Self.skip(" \(text)\n") == nil, "\(text)")
        }
    }

    @Test(arguments: [
        "", " ", "[1,]", "{\"a\"}", "{\"a\":}", "{,}", "[1}", "{\"a\":1", "[1]]", "{} {}", "'a'",
    ])
    func `What is no value, or more than one, is refused`(text: String) {
        #expect(Self.skip(text)?.hasPrefix("JSON is not valid: ") == true)
    }
}
