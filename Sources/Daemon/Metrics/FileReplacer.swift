private import Glibc
private import SystemSupport

/// A file that one process replaces again and again. Others that want to do the same are refused: a reader
/// would see the numbers of either by turns.
///
/// The file that was put in place last stays open and locked (flock). Whoever wants to replace a file that
/// another process has locked leaves it alone; the lock ends with its process, also when that is killed.
///
/// SAFETY: unchecked because ``write(_:)`` is called by one thread at a time.
final class FileReplacer: @unchecked Sendable {
    let path: String
    /// The file that this process has put in place last.
    private var descriptor: Int32 = -1

    init(path: String) { self.path = path }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Replaces the file atomically: a reader sees either the old or the new text.
    ///
    /// - Returns: What went wrong; nil on success.
    func write(_ text: String) -> String? {
        if isLockedByAnother() {
            return "another process writes \(path), so that it is left alone; "
                + "give each daemon a metrics.file of its own"
        }
        // In the same directory, so that it can be renamed, with an extension that the collector ignores.
        let temporary = "\(path).\(getpid()).tmp"
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
        let new = open(temporary.systemPath, flags, 0o644)
        guard new >= 0 else { return failure(temporary) }
        let bytes = Array(text.utf8)
        // Not all file systems have locks; without them, the file is written all the same.
        _ = flock(new, LOCK_EX | LOCK_NB)
        let count = Glibc.write(new, bytes, bytes.count)
        guard count == bytes.count else {
            if count >= 0 { errno = ENOSPC }  // Only a full disk takes a part.
            return discard(new, temporary)
        }
        guard rename(temporary.systemPath, path.systemPath) == 0 else { return discard(new, temporary) }
        if descriptor >= 0 { close(descriptor) }
        descriptor = new
        return nil
    }

    private func discard(_ new: Int32, _ temporary: String) -> String {
        let problem = failure(path)
        close(new)
        unlink(temporary.systemPath)
        return problem
    }

    /// Whether another process has put the present file in place, and still runs.
    private func isLockedByAnother() -> Bool {
        // The other process may replace the file between the two system calls.
        for _ in 0..<10 {
            let present = open(path.systemPath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            guard present >= 0 else { return false }
            defer { close(present) }
            if isSame(present, descriptor) { return false }
            if flock(present, LOCK_SH | LOCK_NB) != 0 { return errno == EWOULDBLOCK }
            if isInPlace(present) { return false }
        }
        return true
    }

    private func isSame(_ one: Int32, _ other: Int32) -> Bool {
        var (left, right) = (stat(), stat())
        return fstat(one, &left) == 0 && fstat(other, &right) == 0 && left.st_ino == right.st_ino
            && left.st_dev == right.st_dev
    }

    private func isInPlace(_ descriptor: Int32) -> Bool {
        var (open, present) = (stat(), stat())
        guard stat(path.systemPath, &present) == 0, fstat(descriptor, &open) == 0 else { return false }
        return open.st_ino == present.st_ino && open.st_dev == present.st_dev
    }

    private func failure(_ path: String) -> String {
        "cannot write \(path): \(String(cString: strerror(errno)))"
    }
}
