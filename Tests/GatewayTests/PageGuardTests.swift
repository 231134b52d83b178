import Testing

@testable import Gateway

@Suite struct PageGuardTests {
    @Test(arguments: [
        ("127.0.0.1:8717", "127.0.0.1", true), ("127.9.9.9:1", "127.9.9.9", true), ("[::1]:80", "::1", true),
        ("localhost:8717", "127.0.0.1", true), ("0.0.0.0:8717", "0.0.0.0", false),
        ("192.168.1.7:8717", "192.168.1.7", false), ("[::]:8717", "::", false),
    ])
    func `An address to listen on says whether others reach it`(text: String, host: String, isLoopback: Bool)
    {
        let address = PageAddress(text)
        #expect(address?.host == host && address?.isLoopback == isLoopback)
    }

    @Test(arguments: [
        "", "8717", ":8717", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1",
        "::1:8717", "[::1]", "[::1]8717", "kitchen:8717", "127.0.0.1:8717/", "127.1:8717", "[127.0.0.1]:80",
    ])
    func `What is not an address and a port is not accepted`(text: String) {
        #expect(PageAddress(text) == nil)
    }

    @Test func `A target is split before it is decoded`() throws {
        let target = try #require(PageTarget("/api/a%2Fb/%C3%9C?label=Fire%20alarm+x&label=a%26b&e=&f"))
        #expect(target.path == ["api", "a/b", "Ü"])
        #expect(target.parameters.map(\.name) == ["label", "label", "e", "f"])
        #expect(target.parameters.map(\.value) == ["Fire alarm x", "a&b", "", ""])
        #expect(PageTarget("/?" + String(repeating: "a&", count: 101)) == nil)
    }

    @Test func `Wrong tokens are counted by client, and time makes up for them`() {
        var attempts = TokenAttempts()
        for _ in 1...20 { attempts.failed("a", now: 100) }
        #expect(!attempts.isAllowed("a", now: 100) && attempts.isAllowed("b", now: 100))
        #expect(!attempts.isAllowed("a", now: 104) && attempts.isAllowed("a", now: 105.1))
        attempts.failed("a", now: 105.1)
        #expect(!attempts.isAllowed("a", now: 105.2) && attempts.isAllowed("a", now: 110.3))
        // Very many clients need no more memory than some thousands.
        for client in 1...100_000 { attempts.failed("\(client)", now: 200) }
        #expect(attempts.count <= 4096)
    }

    @Test(arguments: [
        ("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmE=", "fooba"), ("w5w=", "Ü"),
    ])
    func `Base64 is decoded`(text: String, expected: String) {
        #expect(Base64.decoded(text.utf8) == Array(expected.utf8))
    }

    @Test(arguments: ["Z", "Zg", "Zg=", "Zg===", "Z===", "Zm9v=", "Zg==Zg==", "Zm 9", "Zm9v\n"])
    func `What is not Base64 is refused`(text: String) { #expect(Base64.decoded(text.utf8) == nil) }

    @Test(
        arguments: [
            ("bytes=0-99", 0..<100), ("bytes=100-", 100..<1000), ("bytes=-100", 900..<1000),
            ("bytes=-5000", 0..<1000),
            ("bytes=990-5000", 990..<1000), ("bytes=0-99999999999999999999", 0..<1000),
        ] as [(String, Range<Int64>)])
    func `A range is a part of the file`(header: String, range: Range<Int64>) throws {
        #expect(try ByteRange.range(header, size: 1000) == range)
    }

    @Test(arguments: [
        "bytes=0-1,5-6", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "lines=1-2", "bytes=1--2",
    ])
    func `What is not one range is ignored`(header: String) throws {
        #expect(try ByteRange.range(header, size: 1000) == nil)
    }

    @Test(arguments: ["bytes=1000-", "bytes=5000-6000", "bytes=-0", "bytes=99999999999999999999-"])
    func `A range behind the end is refused`(header: String) {
        #expect(throws: PageRefusal.self) { try ByteRange.range(header, size: 1000) }
    }
}
