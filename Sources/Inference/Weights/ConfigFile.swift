private import FoundationEssentials

#if canImport(Glibc)
    private import Glibc
#else
    private import Musl
#endif

/// Small JSON files that stand beside the weights.
enum ConfigFile {
    static let maximumBytes = 16 << 20

    /// Reads a whole regular file of at most 16 MB.
    static func bytes(path: String) throws(ModelError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(path: path, reason: systemError()) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(path: path, reason: systemError()) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(path: path, reason: "not a regular file")
        }
        guard status.st_size <= maximumBytes else {
            throw .malformed(
                path: path, problem: "\(status.st_size) bytes long, at most \(maximumBytes) expected")
        }
        var contents = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < contents.count {
            let count = contents.withUnsafeMutableBytes { buffer in
                // SAFETY: `filled` is below the array's count.
                read(descriptor, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            filled += count
        }
        return Array(contents[..<filled])
    }

    /// - Throws: ``ModelError/unreadable(path:reason:)``, ``ModelError/malformed(path:problem:)`` with the key at fault.
    static func decode<Value: Decodable>(_ type: Value.Type, path: String) throws(ModelError) -> Value {
        let contents = try bytes(path: path)
        do {
            return try JSONDecoder().decode(type, from: Data(contents))
        } catch let error as DecodingError {
            throw .malformed(path: path, problem: problem(error))
        } catch {
            throw .malformed(path: path, problem: "not valid JSON")
        }
    }

    static func exists(path: String) -> Bool { access(path, F_OK) == 0 }

    private static func problem(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "\(context.codingPath.map(\.stringValue).joined(separator: ".")) has the wrong type"
        case .keyNotFound(let key, _): "no key \(key.stringValue)"
        default: "not valid JSON"
        }
    }
}
