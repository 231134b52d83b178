private import Glibc

/// The bytes of a whole file, at an address that stays.
protocol FileBytes: AnyObject {
    var path: String { get }
    /// Aligned for any element; valid as long as this object lives.
    var bytes: UnsafeMutableRawBufferPointer { get }
}

/// A whole file mapped: the file's own pages, shared with every other process that maps it, and read-only: a stray
/// write is a crash instead of a wrong answer.
final class MappedFile: FileBytes {
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
        guard size > 0 else { throw .malformed(path: path, problem: "0 bytes long") }
        let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else {
            throw .unreadable(path: path, reason: "cannot be mapped: \(systemError())")
        }
        // SAFETY: mmap returned `size` bytes at `address`; deinit is the only munmap.
        bytes = UnsafeMutableRawBufferPointer(start: address, count: size)
    }

    func forgetPages() { madvise(bytes.baseAddress, bytes.count, MADV_DONTNEED) }

    deinit {
        munmap(bytes.baseAddress, bytes.count)
    }
}

/// The last failed system call's reason, in the C library's words.
func systemError() -> String {
    String(cString: strerror(errno))
}
