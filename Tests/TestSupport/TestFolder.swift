private import FoundationEssentials
private import Glibc

/// A temporary directory for one test, removed with its contents when the last reference is released.
package final class TestFolder: Sendable {
    /// Directly below `/tmp`: the path of a Unix socket in it must fit into 107 bytes.
    package let path: String

    package init() throws {
        path = "/tmp/astd-test-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in this folder.
    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file and creates the folders above it; returns the file's path.
    @discardableResult
    package func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
        try createParent(of: name)
        try Data(bytes).write(to: URL(filePath: file(name)))
        return file(name)
    }

    @discardableResult
    package func write(_ text: String, to name: String) throws -> String { try write(text.utf8, to: name) }

    /// Copies a file or folder into this one; returns the copy's path.
    @discardableResult
    package func copy(_ source: String, to name: String) throws -> String {
        try createParent(of: name)
        try FileManager.default.copyItem(atPath: source, toPath: file(name))
        return file(name)
    }

    /// Copies a file or folder into this one and replaces what has that name; returns the copy's path.
    @discardableResult
    package func replace(_ name: String, with source: String) throws -> String {
        try? remove(name)
        return try copy(source, to: name)
    }

    /// Creates a symbolic link; returns its path.
    @discardableResult
    package func link(_ name: String, to destination: String) throws -> String {
        try FileManager.default.createSymbolicLink(atPath: file(name), withDestinationPath: destination)
        return file(name)
    }

    /// Truncates a file in place, so that open descriptors and mappings see it.
    package func truncate(_ name: String) throws {
        guard Glibc.truncate(file(name), 0) == 0 else {
            throw TestFailure("cannot truncate \(name): errno \(errno)")
        }
    }

    package func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: file(name)) }

    private func createParent(of name: String) throws {
        let parent = file(name).split(separator: "/", omittingEmptySubsequences: false).dropLast()
        try FileManager.default.createDirectory(
            atPath: parent.joined(separator: "/"), withIntermediateDirectories: true)
    }

    /// The contents of any file.
    package static func bytes(of path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: path)))
    }

    /// The names in any folder.
    package static func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder)
    }

    /// The destination of a symbolic link; `nil` when `path` is not one.
    package static func link(_ path: String) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: path)
    }

    package static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}
