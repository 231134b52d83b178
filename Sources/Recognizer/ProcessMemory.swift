#if canImport(Glibc)
    private import Glibc
#else
    private import Musl
#endif

/// What this process holds in memory, as the kernel counts it.
public struct ProcessMemory: Equatable, Sendable {
    /// Everything in memory, mapped file pages that others share included.
    public var residentBytes: Int
    /// Private memory of this process alone: what it really costs.
    public var anonymousBytes: Int

    /// Reads `/proc/self/smaps_rollup`; zeros where the kernel has none.
    public static func current() -> ProcessMemory {
        var memory = ProcessMemory(residentBytes: 0, anonymousBytes: 0)
        guard let file = fopen("/proc/self/smaps_rollup", "re") else { return memory }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
                .split(separator: " ")
            guard words.count >= 2, let kilobytes = Int(words[1]) else { continue }
            if words[0] == "Rss:" { memory.residentBytes = kilobytes * 1024 }
            if words[0] == "Anonymous:" { memory.anonymousBytes = kilobytes * 1024 }
        }
        return memory
    }
}
