import Glibc
import TestSupport
import Testing
import Wire

@testable import Daemon

/// Open files that are passed with a client's bytes. The stub's `classify` returns `none`, `several`, or the
/// first byte.
@Suite(.timeLimit(.minutes(10))) struct PassedFileTests {
    private func connect(_ test: TestServer) async throws -> TestClient {
        let client = try TestClient(test.control)
        _ = try await client.line()
        return client
    }

    private static let request = Array(#"{"jsonrpc":"2.0","id":1,"method":"classify"}"#.utf8) + [0x0A]

    private func result(_ text: String) -> String { #"{"jsonrpc":"2.0","id":1,"result":"\#(text)"}"# }

    /// An unlinked file that contains one letter.
    private func file(_ letter: Character) throws -> Int32 {
        let folder = try TestFolder()
        let descriptor = open(try folder.write("\(letter)", to: "letter"), O_RDONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        return descriptor
    }

    @Test func `A file belongs to the request whose bytes it was sent with`() async throws {
        try await TestServer.with { test in
            let client = try await connect(test)
            let (first, second) = (try file("a"), try file("b"))
            defer { for descriptor in [first, second] { close(descriptor) } }
            try await client.send(Self.request, files: [first])
            try await client.send(Self.request, files: [second])
            try await client.send(Self.request, files: [])
            for answer in ["a", "b", "none"] { #expect(try await client.line() == result(answer)) }
        }
    }

    @Test func `Files are received however the bytes around them are split`() async throws {
        try await TestServer.with { test in
            let client = try await connect(test)
            let letters = Array("abcdefghijklmnopqrstuvwxyz")
            for round in 0..<letters.count * 8 {
                let descriptor = try file(letters[round % letters.count])
                defer { close(descriptor) }
                // Blank lines are ignored; they shift the request to any offset in what the daemon reads.
                try await client.send([UInt8](repeating: 0x0A, count: round * 37 % 5_000))
                let cut = round % Self.request.count
                try await client.send(Array(Self.request[..<cut]))
                try await client.send(Array(Self.request[cut...]), files: [descriptor])
            }
            let wanted = (0..<letters.count * 8).map { result(String(letters[$0 % letters.count])) }
            for (round, answer) in wanted.enumerated() {
                let line = try await client.line()
                #expect(line == answer, "round \(round)")
            }
        }
    }

    @Test func `Several files at once are refused, and a single one after them is received`() async throws {
        try await TestServer.with { test in
            let client = try await connect(test)
            let descriptor = try file("a")
            defer { close(descriptor) }
            try await client.send(Self.request, files: [Int32](repeating: descriptor, count: 200))
            #expect(try await client.line() == result("several"))
            try await client.send(Self.request, files: [descriptor])
            #expect(try await client.line() == result("a"))
            // Four files are queued for later requests; further ones are refused, and do not affect the ones
            // after them.
            for _ in 0..<9 { try await client.send([0x0A], files: [descriptor]) }
            for answer in ["a", "a", "a", "several", "none"] {
                try await client.send(Self.request)
                #expect(try await client.line() == result(answer))
            }
            try await client.send(Self.request, files: [descriptor])
            #expect(try await client.line() == result("a"))
        }
    }

    @Test func `Unused files are closed, at the latest with their connection`() async throws {
        try await TestServer.with { test in
            // The write end of a pipe: the read end reports the end once the daemon has closed every copy.
            for count in [1, 1, 3, 250] {
                var ends: [Int32] = [0, 0]
                try #require(pipe(&ends) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
                defer { close(ends[0]) }
                let client = try await connect(test)
                let copies = [Int32](repeating: ends[1], count: count)
                try await client.send(Array("garbage\n".utf8), files: copies)
                close(ends[1])
                guard case .failure(.null, _)? = try await client.request("explain") else {
                    Issue.record("garbage was not refused")
                    return
                }
                client.disconnect()
                var byte: UInt8 = 0
                try await eventually("the end of the pipe") {
                    read(ends[0], &byte, 1)
                } until: {
                    $0 == 0
                }
            }
        }
    }
}
