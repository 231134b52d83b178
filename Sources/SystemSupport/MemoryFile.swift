private import CSystemSupport
private import Glibc

/// A file without a name that holds some bytes: the standard input of a program.
public final class MemoryFile {
    public let descriptor: Int32

    /// - Throws: ``ChildError``
    public init(_ bytes: [UInt8]) throws(ChildError) {
        descriptor = astd_memory_file()
        guard descriptor >= 0 else { throw ChildError(number: errno) }
        var rest = bytes[...]
        while !rest.isEmpty {
            // SAFETY: the pointer covers `rest` and does not outlive the call.
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno != EINTR {
                let number = errno
                close(descriptor)
                throw ChildError(number: number)
            }
            rest = rest.dropFirst(max(0, count))
        }
        lseek(descriptor, 0, SEEK_SET)
    }

    deinit { close(descriptor) }
}
