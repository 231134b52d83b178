private import CSystemSupport

/// The C library's heap, whose memory lives longer than what was allocated in it.
public enum Heap {
    /// Makes all threads share two arenas. Called once, before threads start.
    public static func limitArenas() { astd_limit_arenas() }

    /// Returns freed memory to the system, which the allocator would otherwise keep.
    public static func trim() { astd_trim_heap() }
}
