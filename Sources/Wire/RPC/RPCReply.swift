public import TextSupport

/// Writes the lines that a daemon sends on `astd.sock`.
public enum RPCReply {
    /// The reply to a request that succeeded.
    public static func line(id: RPCIdentifier, result: JSONText) -> [UInt8] {
        line(id: id) { json in
            json.key("result")
            json.raw(result.bytes)
        }
    }

    /// The reply to a request that failed.
    public static func line(id: RPCIdentifier, error: RPCError) -> [UInt8] {
        line(id: id) { json in
            json.key("error")
            error.write(to: &json)
        }
    }

    /// A record for a subscriber of `astd.sock`: `method` is its type, `params` the record.
    ///
    /// - Parameter record: The record as encoded by ``JSONRecord/encoded()``, with its `\n`.
    public static func notification(kind: LiveRecord.Kind, record: [UInt8]) -> [UInt8] {
        notification(method: kind.rawValue, params: record)
    }

    /// A notification.
    ///
    /// - Parameters:
    ///   - method: Must not need escaping.
    ///   - params: A record as encoded by ``JSONRecord/encoded()``, with its `\n`.
    public static func notification(method: String, params: [UInt8]) -> [UInt8] {
        var line = Array("{\"jsonrpc\":\"2.0\",\"method\":\"\(method)\",\"params\":".utf8)
        line.append(contentsOf: params.dropLast())
        line.append(contentsOf: "}\n".utf8)
        return line
    }

    private static func line(
        id: RPCIdentifier, _ writeOutcome: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("jsonrpc", "2.0")
            json.key("id")
            id.write(to: &json)
            writeOutcome(&json)
        }
        json.newline()
        return json.bytes
    }
}

/// One line that a client reads from `astd.sock`.
public enum RPCMessage: Sendable, Equatable {
    /// `hello`, the only record that is not sent as a notification on this socket.
    case record(LiveRecord)
    /// A record of a subscription.
    case notification(LiveRecord)
    case result(id: RPCIdentifier, JSONValue)
    case failure(id: RPCIdentifier, RPCError)

    /// - Throws: ``JSONError``; ``JSONError/unknownValue(field:value:)`` for a record to ignore.
    public init(line: [UInt8]) throws(JSONError) {
        self = try RPCMessage(JSONObject(parsing: line))
    }

    /// Reads the object of a line.
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
