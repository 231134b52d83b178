import Glibc
import SystemSupport
import Testing

@Suite struct PathTextTests {
    private static let latin1: [UInt8] = Array("caf".utf8) + [0xE9] + Array(".wav".utf8)

    @Test func `The text of an ordinary path is the path`() {
        for path in ["", "a.wav", "Käuzchen 🦉/x.wav", "e\u{301}", #"a\b"#, #"\x"#, #"\x4"#, #"\xZZ"#, "a\nb"]
        {
            #expect(PathText.text(path.utf8) == path)
            #expect(PathText.bytes(path) == Array(path.utf8))
        }
    }

    @Test func `A byte that is not UTF-8 is written as its hexadecimal value`() {
        #expect(PathText.text(Self.latin1) == #"caf\xE9.wav"#)
        #expect(PathText.bytes(#"caf\xE9.wav"#) == Self.latin1)
        #expect(PathText.bytes(#"caf\xe9.wav"#) == Self.latin1)
        // A sequence that is cut off, and one that encodes a surrogate.
        #expect(PathText.text([0x61, 0xF0, 0x9F, 0xA6]) == #"a\xF0\x9F\xA6"#)
        #expect(PathText.text([0xED, 0xA0, 0x80, 0x62]) == #"\xED\xA0\x80b"#)
    }

    @Test func `A name that contains an escape has its backslash escaped`() {
        #expect(PathText.text(#"a\x41"#.utf8) == #"a\x5Cx41"#)
        #expect(PathText.bytes(#"a\x5Cx41"#) == Array(#"a\x41"#.utf8))
        #expect(PathText.text(#"\\x5Cx41"#.utf8) == #"\\x5Cx5Cx41"#)
    }

    @Test func `Text that claims a NUL or a slash is a name with a backslash`() {
        #expect(PathText.bytes(#"a\x00b"#) == Array(#"a\x00b"#.utf8))
        #expect(PathText.bytes(#"a\x2Fb"#) == Array(#"a\x2Fb"#.utf8))
    }

    @Test func `The bytes of every path are restored from its text`() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array(#"\x5C4eé"#.utf8) + [0xE9, 0xFF, 0xC3, 0x80, 0x0A]
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...9, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? 0
            }
            let text = PathText.text(bytes)
            #expect(PathText.bytes(text) == bytes, "\(bytes)")
            #expect(PathText.bytes(PathText.printable(text)) == bytes, "\(bytes)")
        }
    }

    @Test func `Printable text has no control characters`() {
        #expect(
            PathText.printable("a\u{1B}[31m\n\u{85}\u{2028}\u{202E}b")
                == #"a\x1B[31m\x0A\xC2\x85\xE2\x80\xA8\xE2\x80\xAEb"#)
        #expect(PathText.printable(#"caf\xE9 é"#) == #"caf\xE9 é"#)
    }

    @Test func `A directory's names are read whatever their bytes, in the order of the bytes`() throws {
        let folder = "/tmp/astd-names-\(UInt64.random(in: 0...UInt64.max))"
        #expect(mkdir(folder, 0o700) == 0)
        let names = [#"caf\xE9.wav"#, "b", ".hidden", "é", "e\u{301}", String(repeating: "m", count: 255)]
        defer {
            for name in names { unlink("\(folder)/\(name)".systemPath) }
            rmdir(folder)
        }
        for name in names { close(creat("\(folder)/\(name)".systemPath, 0o600)) }
        let (found, failure) = DirectoryNames.read(folder)
        #expect(failure == nil)
        let wanted = [".hidden", "b", #"caf\xE9.wav"#, "e\u{301}", String(repeating: "m", count: 255), "é"]
        #expect(found.map { Array($0.utf8) } == wanted.map { Array($0.utf8) })
        #expect(DirectoryNames.read(folder + "/absent").failure == ENOENT)
    }
}
