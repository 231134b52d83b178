private import CSystemSupport

/// The processors that this process may run on.
public enum Processors {
    /// At least 1; less than the machine has when the process is confined (`taskset`, cpusets).
    public static var usableCount: Int { max(1, Int(astd_usable_processors())) }
}

/// How the calling thread computes with denormal numbers, which cost a hundred cycles each.
public enum Denormals {
    /// A thread's floating-point state before ``flush()``.
    public struct State: Sendable {
        fileprivate let bits: UInt64
    }

    /// Makes the calling thread treat denormal numbers as zero.
    public static func flush() -> State { State(bits: astd_flush_denormals()) }

    /// Makes the calling thread compute as before ``flush()``.
    public static func restore(_ state: State) { astd_restore_denormals(state.bits) }
}
