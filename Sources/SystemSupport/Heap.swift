private import CSystemSupport

/// The C library's heap, whose memory lives longer than what was allocated in it.
public enum Heap {
    /// Limits how much freed memory the process keeps. Called once, before threads start.
    public static func limitFreedMemory() { astd_limit_freed_heap() }

    /// Returns freed memory to the system, which the allocator would otherwise keep.
    public static func trim() { astd_trim_heap() }
}
