/// A value that is one JSON object on the wire.
public protocol JSONRecord: Sendable {
    /// Writes the members, in their fixed order, into an object that is already open.
    func writeMembers(to json: inout JSONWriter)
}

extension JSONRecord {
    /// Writes the whole object.
    public func write(to json: inout JSONWriter) {
        json.object { writeMembers(to: &$0) }
    }

    /// One line of UTF-8: the object and `\n`.
    public func encoded() -> [UInt8] {
        var json = JSONWriter()
        write(to: &json)
        json.newline()
        return json.bytes
    }
}

/// One complete JSON value, such as the result of a request.
public struct JSONText: Sendable, Equatable {
    /// UTF-8, without a line break.
    public let bytes: [UInt8]

    /// Writes any value: `JSONText { $0.object { $0.member("paused", true) } }`.
    public init(_ write: (inout JSONWriter) -> Void) {
        var json = JSONWriter()
        write(&json)
        bytes = json.bytes
    }

    /// The record as an object.
    public init(_ record: some JSONRecord) {
        self.init { record.write(to: &$0) }
    }
}
