public import TextSupport

/// One line of `astd.sock`, as a client reads it.
public enum RPCMessage: Sendable, Equatable {
    /// `hello`, the only record that comes bare on this socket.
    case record(LiveRecord)
    /// A record of a subscription.
    case notification(LiveRecord)
    case result(id: RPCIdentifier, JSONValue)
    case failure(id: RPCIdentifier, RPCError)

    /// - Throws: ``JSONError``; ``JSONError/unknownValue(field:value:)`` for a record to pass over.
    public init(line: [UInt8]) throws(JSONError) {
        self = try RPCMessage(JSONObject(parsing: line))
    }

    /// Reads the object that a line is.
    public init(_ object: JSONObject) throws(JSONError) {
        if object.members["type"] != nil {
            self = .record(try LiveRecord(object))
        } else if object.members["method"] != nil {
            self = .notification(try LiveRecord(object.requiredObject("params")))
        } else if let error = try object.object("error") {
            let code = RPCError.Code(try error.requiredInteger("code", as: Int.self))
            let id = try RPCIdentifier(object.members["id"] ?? .null)
            self = .failure(id: id, RPCError(code, try error.requiredString("message")))
        } else if let result = object.members["result"] {
            self = .result(id: try RPCIdentifier(object.members["id"] ?? .null), result)
        } else {
            throw .missing(field: "result")
        }
    }
}
