private import Glibc
private import SystemSupport

/// A directory of files that astd can compute again: written atomically, the least recently used ones
/// removed.
struct CacheDirectory: Sendable {
    let path: String

    /// What is kept of one kind of files: the most recently used ones.
    private struct Limit {
        var suffix: String
        var files: Int
        var bytes: Int
    }

    /// Packed weights, then the small files with digests and numbers.
    private static let limits = [
        Limit(suffix: ".packed", files: 8, bytes: 1 << 30),
        Limit(suffix: ".sha256", files: 500, bytes: 1 << 20),
        Limit(suffix: ".number", files: 500, bytes: 1 << 20),
    ]
    /// A temporary file that is neither locked nor this young was left by a process that was killed.
    private static let temporaryAgeSeconds = 60
    private static let temporarySuffix = ".XXXXXX"

    /// Writes a temporary file and renames it to `file` once it is complete and synced to disk.
    ///
    /// - Returns: What went wrong; nil on success.
    @discardableResult
    func replace(_ file: String, _ body: (_ descriptor: Int32) -> Bool) -> String? {
        makeDirectory()
        var temporary = (file + Self.temporarySuffix).systemPath
        let descriptor = temporary.withUnsafeMutableBufferPointer { buffer in
            // SAFETY: mkstemp writes its six letters in place, within the template, which ends with NUL.
            buffer.baseAddress.map { mkstemp($0) } ?? -1
        }
        guard descriptor >= 0 else { return failure() }
        defer { close(descriptor) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = flock(descriptor, LOCK_EX | LOCK_NB)
        guard body(descriptor), fchmod(descriptor, 0o644) == 0, fsync(descriptor) == 0,
            rename(temporary, file.systemPath) == 0
        else {
            let problem = failure()
            unlink(temporary)
            return problem
        }
        return nil
    }

    private func failure() -> String { "\(path) cannot be written: \(systemError())" }

    private func makeDirectory() {
        for (index, letter) in path.enumerated() where letter == "/" && index > 0 {
            mkdir(String(path.prefix(index)).systemPath, 0o755)
        }
        mkdir(path.systemPath, 0o700)
    }

    /// Removes the least recently used files beyond the limits, but none that a process has mapped, and the
    /// temporary files of processes that were killed.
    func removeOldFiles() {
        let names = DirectoryNames.read(path).names
        for limit in Self.limits {
            let found = names.filter { $0.hasSuffix(limit.suffix) }.compactMap(file(named:))
            var (count, bytes) = (0, 0)
            for entry in found.sorted(by: { $0.used > $1.used }) {
                (count, bytes) = (count + 1, bytes + entry.bytes)
                // The most recent one is kept, whatever its size.
                guard count > limit.files || bytes > limit.bytes, count > 1 else { continue }
                if removeUnlessLocked(entry.path) { (count, bytes) = (count - 1, bytes - entry.bytes) }
            }
            let now = time(nil)
            for name in names where isTemporary(name, limit.suffix) {
                if let entry = file(named: name), now - entry.used > Self.temporaryAgeSeconds {
                    removeUnlessLocked(entry.path)
                }
            }
        }
    }

    private func isTemporary(_ name: String, _ suffix: String) -> Bool {
        name.dropLast(Self.temporarySuffix.count).hasSuffix(suffix) && !name.hasSuffix(suffix)
    }

    private func file(named name: String) -> (path: String, used: Int, bytes: Int)? {
        var status = stat()
        let path = "\(path)/\(name)"
        guard lstat(path.systemPath, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return (path, status.st_mtim.tv_sec, Int(status.st_size))
    }

    @discardableResult
    private func removeUnlessLocked(_ file: String) -> Bool {
        let descriptor = open(file.systemPath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else { return false }
        return unlink(file.systemPath) == 0
    }
}
