private import Glibc
private import SystemSupport

/// A file descriptor that is closed with its last reference.
package final class OwnedDescriptor: Sendable {
    package let number: Int32

    /// - Parameter number: An open descriptor; ownership passes to this object.
    package init(_ number: Int32) { self.number = number }

    deinit { close(number) }

    /// The part of `fstat` that a reader of audio needs.
    struct Status {
        /// Size in bytes.
        let size: Int64
        /// nil for a regular file, else what it is: "a folder", "a pipe", ...
        let otherKind: String?
        /// Whether it can only be read sequentially: a pipe, a socket or a terminal.
        let isStream: Bool
    }

    /// Opens a regular file for reading. Never blocks, whatever the path names.
    ///
    /// - Throws: `fileNotFound`, `permissionDenied`, `isDirectory`, `notRegularFile` or `system`.
    static func open(path: String) throws(CaptureError) -> (OwnedDescriptor, Status) {
        // Opening a device may have effects, so the path is checked first; the opened file is checked again.
        try requireRegular(status(ofPath: path), path: path)
        let number = retrying { Glibc.open(path.systemPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
        guard number >= 0 else { throw failure(path: path, operation: "open") }
        let descriptor = OwnedDescriptor(number)
        let found = try descriptor.status(name: path)
        try requireRegular(found, path: path)
        return (descriptor, found)
    }

    /// Duplicates the descriptor of an open file.
    ///
    /// - Throws: `system` when there is no such descriptor or no room for another.
    static func duplicate(_ number: Int32, name: String) throws(CaptureError) -> (OwnedDescriptor, Status) {
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw failure(path: name, operation: "dup") }
        let descriptor = OwnedDescriptor(copy)
        return (descriptor, try descriptor.status(name: name))
    }

    /// Creates a nameless file that disappears with its descriptor; in `TMPDIR`, otherwise in /tmp.
    static func temporary() throws(CaptureError) -> OwnedDescriptor {
        let folder = getenv("TMPDIR").map { PathText.text(cString: $0) } ?? "/tmp"
        var template = "\(folder)/astd-audio-XXXXXX".systemPath
        let number = mkstemp(&template)
        guard number >= 0 else { throw failure(path: folder, operation: "create a temporary file") }
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
        unlink(template)
        return OwnedDescriptor(number)
    }

    /// Whether it can be read from: false for write-only and `O_PATH` descriptors.
    var isReadable: Bool {
        let pathOnly: Int32 = 0o10000000  // O_PATH; glibc defines it only with _GNU_SOURCE
        let flags = fcntl(number, F_GETFL)
        return flags >= 0 && flags & O_ACCMODE != O_WRONLY && flags & pathOnly == 0
    }

    /// - Throws: `system` when the descriptor is not open.
    func status(name: String) throws(CaptureError) -> Status {
        var found = stat()
        guard fstat(number, &found) == 0 else {
            throw Self.failure(path: name, operation: "fstat")
        }
        return Self.status(found)
    }

    private static func status(ofPath path: String) throws(CaptureError) -> Status {
        var found = stat()
        guard stat(path.systemPath, &found) == 0 else { throw failure(path: path, operation: "stat") }
        return status(found)
    }

    private static func status(_ found: stat) -> Status {
        let kind: (name: String?, isStream: Bool) =
            switch found.st_mode & S_IFMT {
            case S_IFREG: (nil, false)
            case S_IFDIR: ("a folder", false)
            case S_IFIFO: ("a pipe", true)
            case S_IFSOCK: ("a socket", true)
            case S_IFCHR: ("a character device", true)
            default: ("a block device", false)
            }
        return Status(size: Int64(found.st_size), otherKind: kind.name, isStream: kind.isStream)
    }

    private static func requireRegular(_ status: Status, path: String) throws(CaptureError) {
        guard let kind = status.otherKind else { return }
        if kind == "a folder" { throw .isDirectory(path: path) }
        throw .notRegularFile(path: path, found: kind)
    }

    /// The error of the system call that has just failed.
    static func failure(path: String, operation: String) -> CaptureError {
        switch errno {
        case ENOENT, ENOTDIR: .fileNotFound(path: path)
        case EACCES, EPERM: .permissionDenied(path: path)
        case let number: .system(name: path, operation: operation, reason: SystemError.text(number))
        }
    }

    private static func retrying(_ call: () -> Int32) -> Int32 {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }
}
