/// The members of a JSON object, read by name and type.
public struct JSONObject: Sendable {
    public let members: [String: JSONValue]
    /// The names in the order they were read.
    private let names: [String]

    /// - Parameter names: The names of all members in the order in which they are written; sorted by default.
    public init(_ members: [String: JSONValue] = [:], names: [String]? = nil) {
        self.members = members
        self.names = names ?? members.keys.sorted()
    }

    /// Reads one JSON object.
    ///
    /// - Throws: ``JSONError``; ``JSONError/wrongType(field:expected:)`` for JSON of another kind.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        guard case .object(let object) = try JSONValue(parsing: bytes) else {
            throw .wrongType(field: "the line", expected: "a JSON object")
        }
        self = object
    }

    /// The members in the order they were read.
    public var orderedMembers: [(name: String, value: JSONValue)] {
        names.compactMap { name in members[name].map { (name, $0) } }
    }

    /// The member, or nil when it is absent or `null`.
    public subscript(_ name: String) -> JSONValue? {
        guard let value = members[name], value != .null else { return nil }
        return value
    }

    public func string(_ name: String) throws(JSONError) -> String? {
        guard let value = self[name] else { return nil }
        guard case .string(let text) = value else { throw .wrongType(field: name, expected: "a string") }
        return text
    }

    public func bool(_ name: String) throws(JSONError) -> Bool? {
        guard let value = self[name] else { return nil }
        guard case .bool(let flag) = value else { throw .wrongType(field: name, expected: "true or false") }
        return flag
    }

    /// A whole number that fits `T`.
    public func integer<T: FixedWidthInteger>(_ name: String, as type: T.Type) throws(JSONError) -> T? {
        guard let value = self[name] else { return nil }
        guard case .number(let digits) = value, let number = T(digits) else {
            throw .wrongType(field: name, expected: "a whole number from \(T.min) to \(T.max)")
        }
        return number
    }

    public func double(_ name: String) throws(JSONError) -> Double? {
        guard let value = self[name] else { return nil }
        guard case .number(let digits) = value, let number = Double(digits) else {
            throw .wrongType(field: name, expected: "a number")
        }
        guard number.isFinite else {
            throw .wrongType(field: name, expected: "a number between -1.7e308 and 1.7e308")
        }
        return number
    }

    public func float(_ name: String) throws(JSONError) -> Float? {
        guard let value = self[name] else { return nil }
        guard case .number(let digits) = value, let number = Float(digits) else {
            throw .wrongType(field: name, expected: "a number")
        }
        guard number.isFinite else {
            throw .wrongType(field: name, expected: "a number between -3.4e38 and 3.4e38")
        }
        return number
    }

    public func object(_ name: String) throws(JSONError) -> JSONObject? {
        guard let value = self[name] else { return nil }
        guard case .object(let object) = value else { throw .wrongType(field: name, expected: "an object") }
        return object
    }

    public func strings(_ name: String) throws(JSONError) -> [String]? {
        guard let value = self[name] else { return nil }
        guard case .array(let values) = value else {
            throw .wrongType(field: name, expected: "an array of strings")
        }
        var texts: [String] = []
        for value in values {
            guard case .string(let text) = value else {
                throw .wrongType(field: name, expected: "an array of strings")
            }
            texts.append(text)
        }
        return texts
    }

    public func objects(_ name: String) throws(JSONError) -> [JSONObject]? {
        guard let value = self[name] else { return nil }
        guard case .array(let values) = value else {
            throw .wrongType(field: name, expected: "an array of objects")
        }
        var objects: [JSONObject] = []
        for value in values {
            guard case .object(let object) = value else {
                throw .wrongType(field: name, expected: "an array of objects")
            }
            objects.append(object)
        }
        return objects
    }
}

extension JSONObject: Equatable {
    /// Objects are equal when their members are, in any order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.members == right.members
    }
}

extension JSONObject: JSONRecord {
    /// Writes the members as they were read: same order, same digits.
    public func writeMembers(to json: inout JSONWriter) {
        for name in names {
            guard let value = members[name] else { continue }
            json.key(name)
            value.write(to: &json)
        }
    }
}
