import Glibc

/// The reader of the output has closed the pipe; not an error.
struct OutputClosed: Error {}

/// A descriptor for output. Each text is written completely, without buffering.
struct Output {
    static let standard = Output(descriptor: STDOUT_FILENO)
    static let standardError = Output(descriptor: STDERR_FILENO)

    let descriptor: Int32

    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// - Throws: ``OutputClosed``, or ``CommandFailure/output(code:)``.
    func write(_ text: String) throws {
        try write(Array(text.utf8))
    }

    func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            // SAFETY: the pointer covers `rest` and does not outlive the call.
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EPIPE {
                throw OutputClosed()
            } else if errno != EINTR {
                throw CommandFailure.output(code: errno)
            }
        }
    }
}
