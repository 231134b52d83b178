private import CKernels
private import Glibc

/// The instructions that kernels are chosen from: `$ASTD_KERNELS`, for tests and to find faults of a
/// processor.
public enum KernelLevel {
    /// The levels that this processor has, the slowest first; the last, `fastest`, is the default.
    public static var available: [String] {
        var levels: [String] = []
        while let level = ast_kernel_level(Int32(levels.count)) { levels.append(String(cString: level)) }
        return levels
    }

    /// Why the environment's choice cannot be followed; `nil` when it can, or there is none.
    public static var problem: String? {
        guard let value = getenv("ASTD_KERNELS").map({ String(cString: $0) }), !value.isEmpty,
            ast_kernel_level_exists(value) == 0
        else { return nil }
        return "ASTD_KERNELS is \(value): this processor has \(available.joined(separator: ", "))"
    }
}
