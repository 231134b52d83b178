#if canImport(Glibc)
    private import Glibc
#else
    private import Musl
#endif

/// A whole file mapped copy-on-write: what is read is the file's own pages, shared with every other
/// process that maps it; what is written becomes private to this one and never reaches the disk.
final class MappedFile {
    let path: String
    /// Page-aligned; valid as long as this object lives.
    let bytes: UnsafeMutableRawBufferPointer

    /// Maps `path`, which must be a regular file of at least one byte.
    ///
    /// - Throws: ``ModelError/unreadable(path:reason:)``, ``ModelError/malformed(path:problem:)`` when empty.
    init(path: String) throws(ModelError) {
        self.path = path
        // O_NONBLOCK: a FIFO of that name must not hold up the start.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(path: path, reason: systemError()) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(path: path, reason: systemError()) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(path: path, reason: "not a regular file")
        }
        guard status.st_size > 0 else { throw .malformed(path: path, problem: "0 bytes long") }
        let size = Int(status.st_size)
        let address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else {
            throw .unreadable(path: path, reason: "cannot be mapped: \(systemError())")
        }
        // SAFETY: mmap returned `size` bytes at `address`; deinit is the only munmap.
        bytes = UnsafeMutableRawBufferPointer(start: address, count: size)
    }

    /// From here on a stray write is a crash instead of a wrong answer.
    func makeReadOnly() {
        mprotect(bytes.baseAddress, bytes.count, PROT_READ)
    }

    deinit {
        munmap(bytes.baseAddress, bytes.count)
    }
}

/// The last failed system call's reason, in the C library's words.
func systemError() -> String {
    String(cString: strerror(errno))
}
