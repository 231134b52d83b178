private import Glibc

/// Memory straight from the system: it has the pages back the moment their owner goes, which the allocator with
/// its arenas does not promise.
final class PrivatePages {
    let bytes: UnsafeMutableRawBufferPointer
    private let base: UnsafeMutableRawPointer
    var start: UnsafeMutableRawPointer { base }
    private var taken = 0

    /// Parts begin on cache lines.
    private static let alignment = 64

    /// - Throws: ``ModelError/unreadable(path:reason:)`` for `path`, on whose behalf it is, when there is none.
    init(byteCount: Int, for path: String) throws(ModelError) {
        let size = max(1, byteCount)
        // Populated at once: a fault for each of thousands of pages would cost more than what is done with them.
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
        let address = mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let address, address != MAP_FAILED else {
            throw .unreadable(path: path, reason: "no memory for it: \(systemError())")
        }
        // SAFETY: mmap returned `size` bytes at `address`; deinit is the only munmap.
        base = address
        bytes = UnsafeMutableRawBufferPointer(start: address, count: size)
    }

    /// Room for tensors of so many floats, to be taken one by one.
    convenience init(floatCounts: [Int], for path: String) throws(ModelError) {
        try self.init(byteCount: floatCounts.reduce(0) { $0 + Self.padded($1) }, for: path)
    }

    deinit { munmap(base, bytes.count) }

    /// The next `count` floats, zero.
    func take(_ count: Int) -> UnsafeMutablePointer<Float> {
        // SAFETY: inside the mapping, which lives as long as this object; each part is handed out once.
        precondition(taken + Self.padded(count) <= bytes.count)
        let part = (base + taken).bindMemory(to: Float.self, capacity: max(1, count))
        taken += Self.padded(count)
        return part
    }

    /// From here on a stray write is a crash instead of a wrong answer.
    func makeReadOnly() { mprotect(base, bytes.count, PROT_READ) }

    /// The system has the pages back now; from here on a stray read is a crash instead of a wrong answer.
    func giveBack() {
        madvise(base, bytes.count, MADV_DONTNEED)
        mprotect(base, bytes.count, PROT_NONE)
    }

    private static func padded(_ count: Int) -> Int {
        (max(1, count) * MemoryLayout<Float>.size + alignment - 1) / alignment * alignment
    }
}
