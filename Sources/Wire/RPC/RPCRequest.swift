public import TextSupport

/// A JSON-RPC 2.0 request: one line of `astd.sock`.
public struct RPCRequest: Sendable, Equatable {
    /// nil for a notification, which is carried out without a reply.
    public let id: RPCIdentifier?
    public let method: String
    /// Parameters by name; empty for none.
    public let params: JSONObject

    public init(id: RPCIdentifier?, method: String, params: JSONObject = JSONObject()) {
        self.id = id
        self.method = method
        self.params = params
    }

    /// Why a line is not a request, and the id for the reply (null if none could be read).
    public struct Refusal: Error, Sendable, Equatable {
        public let id: RPCIdentifier
        public let error: RPCError
    }

    /// Reads a line.
    ///
    /// - Throws: ``Refusal`` with the code that JSON-RPC prescribes; batches are not supported.
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
            let message = "batches are not supported: send one request per line"
            throw Refusal(id: .null, error: RPCError(.invalidRequest, message))
        default:
            throw Refusal(id: .null, error: RPCError(.invalidRequest, "a request must be a JSON object"))
        }
    }

    /// Writes the line that a client sends.
    ///
    /// - Parameter writeParams: Writes the members of `params`.
    public static func line(
        id: Int, _ method: RPCMethod, writeParams: ((inout JSONWriter) -> Void)? = nil
    ) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("jsonrpc", "2.0")
            json.member("id", id)
            json.member("method", method.rawValue)
            if let writeParams {
                json.key("params")
                json.object(writeParams)
            }
        }
        json.newline()
        return json.bytes
    }
}

/// The `id` of a request; the reply carries the same.
public enum RPCIdentifier: Sendable, Equatable {
    case string(String)
    /// The digits as the client wrote them.
    case number(String)
    case null

    init(_ value: JSONValue) throws(JSONError) {
        switch value {
        case .string(let text): self = .string(text)
        case .number(let digits): self = .number(digits)
        case .null: self = .null
        default: throw .wrongType(field: "id", expected: "a string, a number or null")
        }
    }

    func write(to json: inout JSONWriter) {
        switch self {
        case .string(let text): json.string(text)
        case .number(let digits): json.raw(digits.utf8)
        case .null: json.null()
        }
    }
}
