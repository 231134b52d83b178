private import Glibc
internal import SystemSupport

/// Opens, reads and writes regular files only: not FIFOs, devices or directories.
enum RegularFile {
    /// - Returns: A descriptor that the caller closes, and the file's size in bytes.
    /// - Throws: ``ModelError/unreadable(path:reason:)``.
    static func open(path: String) throws(ModelError) -> (descriptor: Int32, size: Int) {
        guard !path.utf8.contains(0) else { throw .unreadable(path: path, reason: "no path has a NUL byte") }
        // O_NONBLOCK, so that opening a FIFO does not block the start.
        let descriptor = Glibc.open(path.systemPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(path: path, reason: systemError()) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let reason = systemError()
            close(descriptor)
            throw .unreadable(path: path, reason: reason)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .unreadable(path: path, reason: "not a regular file")
        }
        return (descriptor, Int(status.st_size))
    }

    /// - Returns: Whether all bytes were written.
    static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
        var written = 0
        while written < bytes.count {
            // SAFETY: `written` is below the buffer's count.
            let count = Glibc.write(
                descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            written += count
        }
        return true
    }

    /// - Returns: The number of bytes read, less than the buffer's size only at the end of the file or after
    ///   an error.
    static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var filled = 0
        while filled < buffer.count {
            // SAFETY: `filled` is below the buffer's count.
            let count = Glibc.read(
                descriptor, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            filled += count
        }
        return filled
    }
}
