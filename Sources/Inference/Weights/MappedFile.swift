private import Glibc
private import SystemSupport

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
    private let watched: Int32
    /// Holds the shared lock of a cached file; -1 for others.
    private let descriptor: Int32

    /// What a file is for.
    enum Role {
        case model
        /// astd can write it again. It is locked while it is mapped, so that ``CacheDirectory`` does not
        /// remove it.
        case cache
    }

    /// Maps `path`, which must be a regular file of at least one byte.
    ///
    /// - Throws: ``ModelError/unreadable(path:reason:)``, ``ModelError/malformed(path:problem:)`` when empty.
    init(path: String, _ role: Role = .model) throws(ModelError) {
        self.path = path
        let (opened, size) = try RegularFile.open(path: path)
        guard size > 0 else {
            close(opened)
            throw .malformed(path: path, problem: "empty, 0 bytes long")
        }
        let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, opened, 0)
        guard let address, address != MAP_FAILED else {
            let reason = systemError()
            close(opened)
            throw .unreadable(path: path, reason: "cannot be mapped: \(reason)")
        }
        // SAFETY: mmap returned `size` bytes at `address`; deinit is the only munmap.
        bytes = UnsafeMutableRawBufferPointer(start: address, count: size)
        watched = TruncatedMapping.watch(
            UnsafeRawBufferPointer(bytes), message: Self.truncation(of: path, role))
        switch role {
        case .model:
            close(opened)
            descriptor = -1
        case .cache:
            _ = flock(opened, LOCK_SH | LOCK_NB)
            descriptor = opened
        }
    }

    private static func truncation(of path: String, _ role: Role) -> String {
        switch role {
        case .model:
            "\(path) was truncated, or its disk failed, while it was in use: replace files by renaming, then "
                + "start again"
        case .cache:
            "the cached weights \(path) were truncated, or their disk failed, while they were in use: start "
                + "again; astd rebuilds the file"
        }
    }

    /// Drops the pages from memory until they are read again.
    func dropPages() { madvise(bytes.baseAddress, bytes.count, MADV_DONTNEED) }

    deinit {
        TruncatedMapping.forget(watched)
        munmap(bytes.baseAddress, bytes.count)
        if descriptor >= 0 { close(descriptor) }
    }
}

/// The C library's message for the last failed system call.
func systemError() -> String {
    String(cString: strerror(errno))
}
