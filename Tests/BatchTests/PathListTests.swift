import SystemSupport
import TestSupport
import Testing

@testable import Batch

@Suite struct PathListTests {
    private static func paths(
        _ bytes: [UInt8], _ separator: PathList.Separator = .newline
    ) throws -> (paths: [String], failure: String?) {
        let folder = try TestFolder()
        let list = PathList(path: try folder.write(bytes, to: "list"), separator)
        var paths: [String] = []
        while let path = list.next() { paths.append(path) }
        return (paths, list.takeFailure())
    }

    @Test func `Names are read byte for byte`() throws {
        let bytes = Array("a b.wav\ncaf".utf8) + [0xE9] + Array(".wav\nc\rr.wav\n\n last".utf8)
        #expect(try Self.paths(bytes).paths == ["a b.wav", #"caf\xE9.wav"#, "c\rr.wav", " last"])
    }

    @Test func `A list from Windows has CR LF and a byte order mark`() throws {
        let bytes = [0xEF, 0xBB, 0xBF] + Array("a.wav\r\nd\\b.wav\r\n\r\nc.wav\r".utf8)
        #expect(try Self.paths(bytes).paths == ["a.wav", "d\\b.wav", "c.wav"])
    }

    @Test func `With NUL bytes between the names every other byte is part of a name`() throws {
        let bytes = Array("a\nb.wav\0c.wav\r\0\0\u{FEFF}d.wav\0e.wav".utf8)
        let wanted = ["a\nb.wav", "c.wav\r", "\u{FEFF}d.wav", "e.wav"]
        let found = try Self.paths(bytes, .null).paths
        #expect(found.map { Array($0.utf8) } == wanted.map { Array($0.utf8) })
    }

    @Test func `A list with NUL bytes needs -0`() throws {
        let found = try Self.paths(Array("a.wav\0b.wav\0".utf8))
        #expect(found.paths == [])
        #expect(found.failure?.contains("add -0") == true)
    }

    @Test func `A file that is not a list ends the list instead of filling the memory`() throws {
        let found = try Self.paths(Array("a.wav\n".utf8) + [UInt8](repeating: 0x61, count: 1 << 20))
        #expect(found.paths == ["a.wav"])
        #expect(found.failure == "a name is longer than 65536 bytes; expected a list of paths")
    }

    @Test func `Long lists are read whole`() throws {
        let names = (0..<30_000).map { "recordings/\($0).wav" }
        #expect(try Self.paths(Array((names.joined(separator: "\n") + "\n").utf8)).paths == names)
        #expect(try Self.paths(Array(names.joined(separator: "\0").utf8), .null).paths == names)
    }
}
