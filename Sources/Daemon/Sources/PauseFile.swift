private import Glibc
private import SystemSupport
private import TextSupport

/// The file of the state directory that keeps pauses over restarts, `kill -9` and power loss.
///
/// It is absent while nothing is paused. Writing replaces it atomically, and returns when the disk has it.
/// The daemon that has written it last keeps the directory locked (flock), so that another one, with the same
/// directory by mistake, cannot end its pauses; the kernel drops the lock with the process.
///
/// SAFETY: unchecked because of `lock`: methods are called by one thread at a time.
final class PauseFile: @unchecked Sendable {
    enum Content: Equatable, Sendable {
        case pauses(RequestedPauses)
        /// The file exists, and this is why it cannot be read.
        case unreadable(String)
    }

    let path: String
    private let directory: String
    /// The locked directory.
    private var lock: Int32 = -1

    private static let maximumBytes = 1 << 16

    /// - Parameter directory: Created when it is needed.
    init(directory: String) {
        self.directory = directory
        path = directory + "/pauses.json"
    }

    deinit { if lock >= 0 { close(lock) } }

    func read() -> Content {
        // Non-blocking: opening a pipe without a writer would block the start.
        let descriptor = open(path.systemPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if descriptor < 0 { return errno == ENOENT ? .pauses(RequestedPauses()) : unreadable(systemReason) }
        defer { close(descriptor) }
        // Keeps another daemon from ending these pauses; one that has the lock already keeps it.
        _ = takeLock()
        var bytes = [UInt8](repeating: 0, count: Self.maximumBytes)
        var count = 0
        while count < bytes.count {
            // SAFETY: the bytes behind `count` are the array's own, and the call does not keep them.
            let got = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count)
            }
            if got < 0 && errno == EINTR { continue }
            if got < 0 { return unreadable(systemReason) }
            if got == 0 { break }
            count += got
        }
        do throws(JSONError) {
            return .pauses(try RequestedPauses(JSONObject(parsing: Array(bytes[..<count]))))
        } catch {
            return unreadable("\(error)")
        }
    }

    /// - Returns: What went wrong; `nil` when the pauses will be there after a power loss.
    func write(_ pauses: RequestedPauses) -> String? {
        if let problem = makeDirectory(directory) ?? takeLock() { return problem }
        if pauses.isEmpty {
            guard unlink(path.systemPath) == 0 || errno == ENOENT else { return failure("remove", path) }
        } else if let problem = replace(with: pauses.encoded()) {
            return problem
        }
        // The directory's entry is durable only after this.
        return fsync(lock) == 0 ? nil : failure("write", directory)
    }

    private func replace(with bytes: [UInt8]) -> String? {
        let temporary = path + ".tmp"
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
        let descriptor = open(temporary.systemPath, flags, 0o600)
        guard descriptor >= 0 else { return failure("write", temporary) }
        let count = Glibc.write(descriptor, bytes, bytes.count)
        if count >= 0 && count < bytes.count { errno = ENOSPC }  // Only a full disk takes a part.
        let isWritten = count == bytes.count && fsync(descriptor) == 0
        let problem = isWritten ? nil : failure("write", temporary)
        close(descriptor)
        if problem == nil, rename(temporary.systemPath, path.systemPath) == 0 { return nil }
        let reason = problem ?? failure("write", path)
        unlink(temporary.systemPath)
        return reason
    }

    /// Creates the directory, and those above it.
    private func makeDirectory(_ path: String) -> String? {
        if mkdir(path.systemPath, 0o700) == 0 {
            // As durable as the file in it.
            let parent = open(Self.parent(of: path).systemPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard parent >= 0 else { return failure("create", path) }
            defer { close(parent) }
            return fsync(parent) == 0 ? nil : failure("create", path)
        }
        switch errno {
        case EEXIST: return nil
        case ENOENT where path.contains("/") && path != "/":
            return makeDirectory(Self.parent(of: path)) ?? makeDirectory(path)
        default: return failure("create", path)
        }
    }

    private static func parent(of path: String) -> String {
        let parts = path.split(separator: "/").dropLast().joined(separator: "/")
        return path.hasPrefix("/") ? "/" + parts : parts.isEmpty ? "." : parts
    }

    /// - Returns: Why the directory cannot be locked.
    private func takeLock() -> String? {
        if lock >= 0 { return nil }
        let descriptor = open(directory.systemPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return failure("write", directory) }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            close(descriptor)
            return "another astd keeps its pauses in \(directory); give each a state_dir of its own"
        }
        // Not all file systems have locks; without them, the file is written all the same.
        lock = descriptor
        return nil
    }

    private func unreadable(_ reason: String) -> Content { .unreadable("cannot read \(path): \(reason)") }

    private func failure(_ verb: String, _ path: String) -> String {
        "cannot \(verb) \(path): \(systemReason)"
    }

    private var systemReason: String { String(cString: strerror(errno)) }
}
