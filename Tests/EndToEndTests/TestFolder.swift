import FoundationEssentials
import Glibc

/// A folder for one test, with a path short enough for sockets; removed with everything in it in the end.
final class TestFolder: Sendable {
    let path: String

    init() throws {
        path = "/tmp/astd-e2e-" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in this folder.
    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file and returns its path.
    @discardableResult
    func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
        try Data(bytes).write(to: URL(filePath: file(name)))
        return file(name)
    }

    /// Copies a file or folder into this one and returns the copy's path.
    func copy(_ source: String, to name: String) throws -> String {
        try FileManager.default.copyItem(atPath: source, toPath: file(name))
        return file(name)
    }

    /// Puts a copy of a folder in the place of what is there.
    func copyDirectory(_ source: String, to name: String) throws {
        try? remove(name)
        try FileManager.default.createDirectory(
            atPath: file(name), withIntermediateDirectories: true)
        try remove(name)
        _ = try copy(source, to: name)
    }

    /// Takes all bytes from a file that stays the same file.
    func truncate(_ name: String) throws {
        guard Glibc.truncate(file(name), 0) == 0 else { throw TestTrouble("\(name) cannot be truncated") }
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: file(name)) }

    static func bytes(of path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

    static func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder)
    }

    /// Where a link leads; nil when it is none, or gone.
    static func link(_ path: String) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: path)
    }

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}

/// Something that every test needs is not there.
struct TestTrouble: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Asks again and again until the answer is there, without holding up other tests.
///
/// - Throws: ``TestTrouble`` that names `what` after `seconds`, or what `answer` throws.
func eventually<Answer>(
    _ what: String, within seconds: Double = 120, _ answer: () async throws -> Answer?
) async throws -> Answer {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
        if let answer = try await answer() { return answer }
        guard ContinuousClock.now < deadline else {
            throw TestTrouble("\(what): not within \(seconds) s")
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}
