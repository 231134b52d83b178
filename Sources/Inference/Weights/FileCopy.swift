private import Glibc

/// A whole file read into memory.
final class FileCopy: FileContents {
    let path: String
    var bytes: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(rebasing: pages.bytes[..<size]) }
    private let pages: PrivatePages
    private let size: Int

    /// No adapter is larger than this.
    static let maximumBytes = 1 << 30

    /// - Throws: ``ModelError/unreadable(path:reason:)``, ``ModelError/malformed(path:problem:)`` when empty
    ///   or larger than 1 GiB.
    init(path: String) throws(ModelError) {
        self.path = path
        let (descriptor, size) = try RegularFile.open(path: path)
        defer { close(descriptor) }
        guard size > 0 else { throw .malformed(path: path, problem: "empty, 0 bytes long") }
        guard size <= Self.maximumBytes else {
            throw .malformed(path: path, problem: "\(size) bytes long, at most \(Self.maximumBytes) expected")
        }
        self.size = size
        pages = try PrivatePages(byteCount: size, for: path)
        guard RegularFile.read(descriptor, into: bytes) == size else {
            throw .unreadable(path: path, reason: "the file shrank or could not be read to its end")
        }
    }
}
