public import TextSupport

/// Lines a daemon writes to `astd.sock`, and what a client reads there.
public enum RPCReply {
    /// The reply to a request that was carried out.
    public static func line(id: RPCIdentifier, result: JSONText) -> [UInt8] {
        line(id: id) { json in
            json.key("result")
            json.raw(result.bytes)
        }
    }

    /// The reply to one that was not.
    public static func line(id: RPCIdentifier, error: RPCError) -> [UInt8] {
        line(id: id) { json in
            json.key("error")
            error.write(to: &json)
        }
    }

    /// A record as a subscriber gets it: `method` is its type, `params` the record itself.
    ///
    /// - Parameter record: The record as ``JSONRecord/encoded()`` made it, with its `\n`.
    public static func notification(kind: LiveRecord.Kind, record: [UInt8]) -> [UInt8] {
        notification(method: kind.rawValue, params: record)
    }

    /// What a client is told that it did not ask for at this moment.
    ///
    /// - Parameters:
    ///   - method: Needs no escaping.
    ///   - params: A record as ``JSONRecord/encoded()`` made it, with its `\n`.
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
