public import TextSupport

/// One JSON-RPC 2.0 request, a line of `astd.sock`.
public struct RPCRequest: Sendable, Equatable {
    /// nil makes it a notification: it is carried out and not answered.
    public let id: RPCIdentifier?
    public let method: String
    /// Parameters by name; empty when there are none.
    public let params: JSONObject

    public init(id: RPCIdentifier?, method: String, params: JSONObject = JSONObject()) {
        self.id = id
        self.method = method
        self.params = params
    }

    /// A line that is no request, and the id to answer it with (null unless one could be read).
    public struct Refusal: Error, Sendable, Equatable {
        public let id: RPCIdentifier
        public let error: RPCError
    }

    /// Reads a line.
    ///
    /// - Throws: ``Refusal`` with the code that JSON-RPC prescribes; batches are refused.
    public init(line: [UInt8]) throws(Refusal) {
        let object = try Self.object(line)
        var id: RPCIdentifier?
        do {
            if let value = object.members["id"] { id = try RPCIdentifier(value) }
        } catch {
            throw Refusal(id: .null, error: RPCError(.invalidRequest, "\(error)"))
        }
        do {
            guard try object.requiredString("jsonrpc") == "2.0" else {
                throw JSONError.wrongType(field: "jsonrpc", expected: "\"2.0\"")
            }
            method = try object.requiredString("method")
        } catch {
            throw Refusal(id: id ?? .null, error: RPCError(.invalidRequest, "\(error)"))
        }
        do throws(JSONError) {
            params = try object.object("params") ?? JSONObject()
        } catch {
            throw Refusal(id: id ?? .null, error: RPCError(.invalidParams, "\(error)"))
        }
        self.id = id
    }

    private static func object(_ line: [UInt8]) throws(Refusal) -> JSONObject {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: line)
        } catch {
            throw Refusal(id: .null, error: RPCError(.parseError, "\(error)"))
        }
        switch value {
        case .object(let object):
            return object
        case .array:
            let message = "batches are not supported: send one request a line"
            throw Refusal(id: .null, error: RPCError(.invalidRequest, message))
        default:
            throw Refusal(id: .null, error: RPCError(.invalidRequest, "a request is a JSON object"))
        }
    }

    /// The line a client sends; `writeParams` writes the members of `params`.
    public static func line(
        id: Int, method: String, writeParams: ((inout JSONWriter) -> Void)? = nil
    ) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("jsonrpc", "2.0")
            json.member("id", id)
            json.member("method", method)
            if let writeParams {
                json.key("params")
                json.object(writeParams)
            }
        }
        json.newline()
        return json.bytes
    }
}
