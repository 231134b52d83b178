import Glibc
internal import SystemSupport

/// An audio file to pass to the daemon. A pipe is first copied to a temporary file, because the daemon
/// accepts only files.
struct InputFile: ~Copyable {
    let descriptor: Int32
    /// For messages.
    let name: String

    /// Maximum bytes of a pipe: 4 GiB, as much as a WAV file can hold.
    private static let limitBytes: Int64 = 1 << 32

    /// Opens a file. Blocks until a pipe has ended.
    ///
    /// - Parameter path: A path, or `-` for standard input.
    /// - Throws: ``CommandFailure/file(path:code:)``.
    init(path: String) throws(CommandFailure) {
        name = path == "-" ? "standard input" : path
        let opened = path == "-" ? dup(STDIN_FILENO) : open(path.systemPath, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard opened >= 0 else { throw .file(path: name, code: errno) }
        var status = stat()
        let kind = fstat(opened, &status) == 0 ? status.st_mode & S_IFMT : 0
        guard kind == S_IFIFO || kind == S_IFSOCK else {
            descriptor = opened
            return
        }
        defer { close(opened) }
        descriptor = try Self.spool(opened, name)
    }

    deinit { close(descriptor) }

    private static func spool(_ source: Int32, _ name: String) throws(CommandFailure) -> Int32 {
        let folder = getenv("TMPDIR").map { PathText.text(cString: $0) } ?? "/tmp"
        var template = (folder + "/astctl-XXXXXX").systemPath
        let file = mkstemp(&template)
        guard file >= 0 else { throw .file(path: folder, code: errno) }
        unlink(template)
        do throws(CommandFailure) {
            try copy(source, to: Output(descriptor: file), name)
            return file
        } catch {
            close(file)
            throw error
        }
    }

    private static func copy(
        _ source: Int32, to file: Output, _ name: String
    ) throws(CommandFailure) {
        var block = [UInt8](repeating: 0, count: 1 << 18)
        var total: Int64 = 0
        while true {
            // SAFETY: the pointer covers `block` and does not outlive the call.
            let count = block.withUnsafeMutableBytes { read(source, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .file(path: name, code: errno) }
            if count == 0 { return }
            total += Int64(count)
            guard total <= limitBytes else { throw .file(path: name, code: EFBIG) }
            do {
                try file.write(Array(block[..<count]))
            } catch let failure as CommandFailure {
                throw failure
            } catch {
                throw .file(path: name, code: EPIPE)
            }
        }
    }
}
