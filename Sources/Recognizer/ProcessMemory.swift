private import Glibc

/// The memory of this process as the kernel counts it.
public struct ProcessMemory: Equatable, Sendable {
    /// Resident memory, including mapped file pages that other processes share.
    public var residentBytes: Int
    /// Anonymous memory, which no other process shares.
    public var anonymousBytes: Int

    /// Reads `/proc/self/smaps_rollup`; zeros if the kernel does not provide it.
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
