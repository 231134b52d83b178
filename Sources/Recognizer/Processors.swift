private import CKernels

/// The processors that this process may run on.
public enum Processors {
    /// At least 1; fewer than the machine has when the process is confined to some (`taskset`, cpusets).
    public static var usableCount: Int { max(1, Int(ast_usable_processors())) }
}
