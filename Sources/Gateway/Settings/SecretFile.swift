private import Glibc
private import SystemSupport

/// A file with a password, token or URL. It is never part of settings, messages or arguments.
enum SecretFile {
    struct Failure: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    private static let maximumBytes = 4096

    /// The first line of a file.
    ///
    /// - Throws: ``Failure`` if it cannot be read, or is empty.
    static func read(_ path: String) throws(Failure) -> String {
        let descriptor = open(path.systemPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw Failure(description: "\(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: maximumBytes)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw Failure(description: "\(path): \(String(cString: strerror(errno)))") }
        let line = bytes[..<count].prefix { $0 != 0x0A && $0 != 0x0D }
        guard !line.isEmpty else {
            throw Failure(description: "\(path) is empty; write the secret into its first line")
        }
        return String(decoding: line, as: UTF8.self)
    }
}
