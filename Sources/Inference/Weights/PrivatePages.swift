private import Glibc

/// Memory mapped directly from the kernel, which gets the pages back as soon as the owner is deallocated;
/// malloc's arenas may keep them.
final class PrivatePages {
    let bytes: UnsafeMutableRawBufferPointer
    private let base: UnsafeMutableRawPointer
    var start: UnsafeMutableRawPointer { base }
    private var allocated = 0

    /// Parts begin on cache lines (bytes).
    private static let alignment = 64

    /// - Throws: ``ModelError/unreadable(path:reason:)``, naming `path`, the file that needs the memory, when
    ///   there is none.
    init(byteCount: Int, for path: String) throws(ModelError) {
        let size = max(1, byteCount)
        // Populated at once, because thousands of page faults would take longer than the work on the pages.
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
        let address = mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let address, address != MAP_FAILED else {
            throw .unreadable(path: path, reason: "out of memory: \(systemError())")
        }
        // SAFETY: mmap returned `size` bytes at `address`; deinit is the only munmap.
        base = address
        bytes = UnsafeMutableRawBufferPointer(start: address, count: size)
    }

    /// Memory for tensors of these numbers of floats, to be allocated one by one.
    convenience init(floatCounts: [Int], for path: String) throws(ModelError) {
        try self.init(byteCount: floatCounts.reduce(0) { $0 + Self.padded($1) }, for: path)
    }

    deinit { munmap(base, bytes.count) }

    /// Allocates the next `count` floats, zeroed.
    func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
        // SAFETY: inside the mapping, which lives as long as this object; each part is handed out once.
        precondition(allocated + Self.padded(count) <= bytes.count)
        let part = (base + allocated).bindMemory(to: Float.self, capacity: max(1, count))
        allocated += Self.padded(count)
        return part
    }

    /// Makes a stray write crash instead of changing results.
    func makeReadOnly() { mprotect(base, bytes.count, PROT_READ) }

    /// Returns the pages to the kernel; a later read crashes.
    func release() {
        madvise(base, bytes.count, MADV_DONTNEED)
        mprotect(base, bytes.count, PROT_NONE)
    }

    private static func padded(_ count: Int) -> Int {
        (max(1, count) * MemoryLayout<Float>.size + alignment - 1) / alignment * alignment
    }
}
