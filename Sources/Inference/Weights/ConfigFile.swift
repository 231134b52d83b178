private import FoundationEssentials
private import Glibc

/// Small JSON files that stand beside the weights.
enum ConfigFile {
    static let maximumBytes = 16 << 20

    /// Reads a whole regular file of at most 16 MB.
    static func bytes(path: String) throws(ModelError) -> [UInt8] {
        let (descriptor, size) = try RegularFile.open(path: path)
        defer { close(descriptor) }
        guard size <= maximumBytes else {
            throw .malformed(path: path, problem: "\(size) bytes long, at most \(maximumBytes) expected")
        }
        var contents = [UInt8](repeating: 0, count: size)
        let filled = contents.withUnsafeMutableBytes { RegularFile.read(descriptor, into: $0) }
        return Array(contents[..<filled])
    }

    /// - Parameter type: All of its members may be absent.
    /// - Throws: ``ModelError/unreadable(path:reason:)``, ``ModelError/malformed(path:problem:)`` with the key at fault.
    static func decode<Value: Decodable>(_ type: Value.Type, path: String) throws(ModelError) -> Value {
        let contents = try bytes(path: path)
        try checkStructure(contents, path: path)
        do {
            return try JSONDecoder().decode(type, from: Data(contents))
        } catch let error as DecodingError {
            throw .malformed(path: path, problem: problem(error) ?? unfitMember(type, contents, path: path))
        } catch {
            throw .malformed(path: path, problem: "not valid JSON")
        }
    }

    /// The decoder does not say which number it cannot hold (8.5 layers, 1e400): each member is tried alone.
    private static func unfitMember<Value: Decodable>(
        _ type: Value.Type, _ contents: [UInt8], path: String
    ) -> String {
        var found: String?
        try? scan(contents, path: path) { scanner throws(ModelError) in
            try scanner.object { key, scanner throws(ModelError) in
                let text = try scanner.valueText()
                let alone = "{\"\(key)\":\(text)}"
                if found == nil, (try? JSONDecoder().decode(type, from: Data(alone.utf8))) == nil {
                    found = "\(key) cannot be \(text.prefix(60))"
                }
            }
        }
        return found ?? "not valid JSON"
    }

    /// A general decoder forgets that a key stood there twice, and which of the two it believes is anybody's guess.
    private static func checkStructure(_ contents: [UInt8], path: String) throws(ModelError) {
        try scan(contents, path: path) { scanner throws(ModelError) in
            guard scanner.isAtObject() else { throw scanner.bad("an object is expected") }
            try scanner.skipValue()
            try scanner.end()
        }
    }

    /// Reads `contents` with a ``JSONScanner``.
    static func scan(
        _ contents: [UInt8], path: String, _ body: (inout JSONScanner) throws(ModelError) -> Void
    ) throws(ModelError) {
        var failure: ModelError?
        contents.withUnsafeBytes { buffer in
            var scanner = JSONScanner(buffer, path: path)
            do throws(ModelError) { try body(&scanner) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    static func exists(path: String) -> Bool { access(path, F_OK) == 0 }

    private static func problem(_ error: DecodingError) -> String? {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "\(context.codingPath.map(\.stringValue).joined(separator: ".")) has the wrong type"
        case .keyNotFound(let key, _): "no key \(key.stringValue)"
        default: nil
        }
    }
}
