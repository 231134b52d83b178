private import Glibc
internal import TextSupport
private import SystemSupport

/// A JSON object in a file beside the weights, read by key and type.
///
/// Each reader returns `nil` for a key that is absent or `null`, and throws
/// ``ModelError/unsupported(path:key:found:wanted:)`` for a value of another type. Keys that no reader asks
/// for are ignored.
struct ConfigFile {
    static let maximumBytes = 16 << 20

    let path: String
    private let root: JSONObject

    /// Reads the whole file.
    ///
    /// - Throws: ``ModelError/unreadable(path:reason:)``; ``ModelError/malformed(path:problem:)`` when it is
    ///   not one JSON object.
    init(path: String) throws(ModelError) {
        self.path = path
        let contents = try Self.bytes(path: path)
        do throws(JSONError) {
            guard case .object(let object) = try JSONValue(parsing: contents) else {
                throw .wrongType(field: "the file", expected: "a JSON object")
            }
            root = object
        } catch {
            throw Self.refusal(of: contents, error, path: path)
        }
        if root.members.count <= 4, let message = root["error"] {
            // What a hub answers when it refuses a download.
            throw ModelError(
                .serverError(JSONError.shortened(message.text)), in: path, isJSONExpected: true)
        }
    }

    private static func refusal(of contents: [UInt8], _ error: JSONError, path: String) -> ModelError {
        if let found = contents.withUnsafeBytes({ ForeignContents($0, isJSONExpected: true) }) {
            return ModelError(found, in: path, isJSONExpected: true)
        }
        if contents.isEmpty { return .malformed(path: path, problem: "empty, 0 bytes long") }
        guard case .notJSON(let offset, _) = error else {
            return .malformed(path: path, problem: error.description)
        }
        if let (key, word) = Self.pythonNumber(at: offset, in: contents) {
            return .unsupported(path: path, key: key, found: word, wanted: "a number (JSON has no \(word))")
        }
        let cut = offset >= contents.count ? "truncated: " : ""
        return .malformed(path: path, problem: cut + error.description)
    }

    /// `NaN` and `Infinity`, which Python writes into JSON texts, and the key before it.
    private static func pythonNumber(at offset: Int, in contents: [UInt8]) -> (key: String, word: String)? {
        let words = ["NaN", "Infinity"]
        guard let word = words.first(where: { contents.dropFirst(offset).starts(with: $0.utf8) }) else {
            return nil
        }
        let before = contents[..<offset].split(
            separator: UInt8(ascii: "\""), omittingEmptySubsequences: false)
        let key = before.count >= 3 ? String(decoding: before[before.count - 2], as: UTF8.self) : "a value"
        return (JSONError.shortened(key), word)
    }

    static func exists(path: String) -> Bool { access(path.systemPath, F_OK) == 0 }

    /// - Returns: `nil` when there is no file at `path`.
    static func ifPresent(path: String) throws(ModelError) -> ConfigFile? {
        exists(path: path) ? try ConfigFile(path: path) : nil
    }

    // MARK: Values

    /// Every member, `null` ones too, in the order of the file.
    var members: [(name: String, value: JSONValue)] { root.orderedMembers }

    /// The value as it was read.
    func value(_ key: String) -> JSONValue? { root[key] }

    /// Throws ``ModelError/unsupported(path:key:found:wanted:)`` for a key whose value is `null`.
    func refuseNull(_ keys: [String]) throws(ModelError) {
        for key in keys where root.members[key] == .null {
            throw .unsupported(path: path, key: key, found: "null", wanted: "a value, or no such key")
        }
    }

    func string(_ key: String) throws(ModelError) -> String? {
        try read(key, "a string") { $0.stringValue }
    }

    func bool(_ key: String) throws(ModelError) -> Bool? {
        try read(key, "true or false") { if case .bool(let flag) = $0 { flag } else { nil } }
    }

    /// A whole number; `16.0` is one.
    func integer(_ key: String) throws(ModelError) -> Int? {
        try read(key, "a whole number") { $0.wholeNumber }
    }

    /// A finite number.
    func double(_ key: String) throws(ModelError) -> Double? {
        try read(key, "a number") { $0.finiteNumber }
    }

    /// The name of a kind, where `true` and `false` are accepted, too; `nil` for these.
    func name(_ key: String, orFlag wanted: String) throws(ModelError) -> String? {
        if case .bool = root[key] { return nil }
        return try read(key, wanted) { $0.stringValue }
    }

    /// The members of an object, in the order of the file.
    func members<Value>(
        _ key: String, _ wanted: String, _ convert: (JSONValue) -> Value?
    ) throws(ModelError) -> [(name: String, value: Value)]? {
        guard let value = root[key] else { return nil }
        guard case .object(let object) = value else { throw refusal(key, value, "an object") }
        var members: [(name: String, value: Value)] = []
        for (name, value) in object.orderedMembers {
            guard let converted = convert(value) else { throw refusal("\(key).\(name)", value, wanted) }
            members.append((name, converted))
        }
        return members
    }

    /// A value of any form that `convert` accepts.
    ///
    /// - Parameter wanted: The accepted forms, for the message.
    func read<Value>(
        _ key: String, _ wanted: String, _ convert: (JSONValue) -> Value?
    ) throws(ModelError) -> Value? {
        guard let value = root[key] else { return nil }
        guard let converted = convert(value) else { throw refusal(key, value, wanted) }
        return converted
    }

    private func refusal(_ key: String, _ value: JSONValue, _ wanted: String) -> ModelError {
        .unsupported(
            path: path, key: JSONError.shortened(key), found: JSONError.shortened(value.text), wanted: wanted)
    }

    private static func bytes(path: String) throws(ModelError) -> [UInt8] {
        let (descriptor, size) = try RegularFile.open(path: path)
        defer { close(descriptor) }
        guard size <= maximumBytes else {
            throw .malformed(path: path, problem: "\(size) bytes long, at most \(maximumBytes) expected")
        }
        var contents = [UInt8](repeating: 0, count: size)
        let filled = contents.withUnsafeMutableBytes { RegularFile.read(descriptor, into: $0) }
        return Array(contents[..<filled])
    }
}

extension JSONValue {
    var stringValue: String? { if case .string(let text) = self { text } else { nil } }

    var arrayValue: [JSONValue]? { if case .array(let values) = self { values } else { nil } }

    /// A finite number; `nil` for `1e400`, which no Double holds.
    var finiteNumber: Double? {
        guard case .number(let digits) = self, let number = Double(digits), number.isFinite else {
            return nil
        }
        return number
    }

    /// A whole number, also when it is written as `16.0` or `1e3`.
    var wholeNumber: Int? {
        guard case .number(let digits) = self else { return nil }
        return Int(digits) ?? finiteNumber.flatMap { Int(exactly: $0) }
    }

    /// Every element converted; `nil` when this is not an array, or one element is not convertible.
    func array<Element>(of convert: (JSONValue) -> Element?) -> [Element]? {
        guard let values = arrayValue else { return nil }
        let converted = values.compactMap(convert)
        return converted.count == values.count ? converted : nil
    }
}
