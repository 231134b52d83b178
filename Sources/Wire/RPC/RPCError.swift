public import TextSupport

/// Why a request was not answered with a result, as JSON-RPC 2.0 carries it.
public struct RPCError: Error, Sendable, Equatable {
    /// Codes from the specification, and those of astd: -32000 and below.
    public struct Code: Sendable, Hashable {
        public let value: Int
        public init(_ value: Int) { self.value = value }

        public static let parseError = Code(-32700)
        public static let invalidRequest = Code(-32600)
        public static let methodNotFound = Code(-32601)
        public static let invalidParams = Code(-32602)
        public static let internalError = Code(-32603)

        /// The socket has as many clients as it serves; the connection is closed.
        public static let tooManyClients = Code(-32000)
        /// A line was longer than ``LineFramer/maximumLineBytes``; it was skipped.
        public static let lineTooLong = Code(-32001)
        /// The daemon is stopping.
        public static let shuttingDown = Code(-32002)
        /// The daemon cannot do that in the state it is in.
        public static let unavailable = Code(-32003)
        /// The daemon tried and failed; the message says at what.
        public static let failed = Code(-32004)
    }

    public let code: Code
    /// A sentence for people.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public static func methodNotFound(_ method: String) -> RPCError {
        RPCError(.methodNotFound, "no such method: \(method)")
    }

    /// For a handler that met ``JSONError`` while it read its parameters.
    public static func invalidParams(_ error: JSONError) -> RPCError {
        RPCError(.invalidParams, "params: \(error)")
    }
}

extension RPCError: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("code", code.value)
        json.member("message", message)
    }
}
