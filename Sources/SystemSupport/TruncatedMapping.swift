private import CSystemSupport

/// Reports the truncation of a mapped file. The kernel sends SIGBUS when a part that is no longer there is
/// read; the process cannot continue, and ends with a message.
///
/// Threading: any thread.
public enum TruncatedMapping {
    /// EX_IOERR.
    public static let exitCode: Int32 = 74

    /// Ends the process with one line and ``exitCode`` instead of a bare SIGBUS.
    public static func endWithReason() {
        astd_end_on_bus_error(
            "astd: a file was truncated, or its disk failed, while it was in use: start again\n", exitCode)
    }

    /// Sets the message about a mapping.
    ///
    /// - Parameter message: Without the program's name and the line break.
    /// - Returns: A value for ``forget(_:)``.
    public static func watch(_ bytes: UnsafeRawBufferPointer, message: String) -> Int32 {
        // SAFETY: the address is compared with that of a signal, and never read.
        guard let start = bytes.baseAddress else { return -1 }
        return astd_watch_mapping(start, bytes.count, "astd: \(PathText.printable(message))\n")
    }

    /// Call it before the mapping ends.
    public static func forget(_ watched: Int32) { astd_forget_mapping(watched) }
}
