private import Glibc

/// The bytes of a whole file, at a fixed address.
protocol FileContents: AnyObject {
    var path: String { get }
    /// Aligned for any element; valid as long as this object lives.
    var bytes: UnsafeMutableRawBufferPointer { get }
}

/// A memory-mapped file. Its pages are shared with every other process that maps it, and read-only, so that a
/// stray write crashes instead of changing results.
final class MappedFile: FileContents {
    let path: String
    /// Page-aligned; valid as long as this object lives.
    let bytes: UnsafeMutableRawBufferPointer

    /// Maps `path`, which must be a regular file of at least one byte.
    ///
    /// - Throws: ``ModelError/unreadable(path:reason:)``, ``ModelError/malformed(path:problem:)`` when empty.
    init(path: String) throws(ModelError) {
        self.path = path
        let (descriptor, size) = try RegularFile.open(path: path)
        defer { close(descriptor) }
        guard size > 0 else { throw .malformed(path: path, problem: "empty, 0 bytes long") }
        let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else {
            throw .unreadable(path: path, reason: "cannot be mapped: \(systemError())")
        }
        // SAFETY: mmap returned `size` bytes at `address`; deinit is the only munmap.
        bytes = UnsafeMutableRawBufferPointer(start: address, count: size)
    }

    /// Drops the pages from memory until they are read again.
    func dropPages() { madvise(bytes.baseAddress, bytes.count, MADV_DONTNEED) }

    deinit {
        munmap(bytes.baseAddress, bytes.count)
    }
}

/// The C library's message for the last failed system call.
func systemError() -> String {
    String(cString: strerror(errno))
}
