public import TextSupport

/// A JSON-RPC 2.0 error: why a request has no result.
public struct RPCError: Error, Sendable, Equatable {
    /// The codes of the specification, and astd's own from -32000 down.
    public struct Code: Sendable, Hashable, CaseIterable {
        public let value: Int
        public init(_ value: Int) { self.value = value }

        public static let parseError = Code(-32700)
        public static let invalidRequest = Code(-32600)
        public static let methodNotFound = Code(-32601)
        public static let invalidParams = Code(-32602)
        public static let internalError = Code(-32603)

        /// The socket has reached its limit of clients; the connection is closed.
        public static let tooManyClients = Code(-32000)
        /// A line was longer than ``LineFramer/maximumLineBytes``; it was skipped.
        public static let lineTooLong = Code(-32001)
        /// The daemon is stopping.
        public static let stopping = Code(-32002)
        /// The request cannot be carried out in the daemon's present state.
        public static let unavailable = Code(-32003)
        /// The request was carried out and failed; the message says how.
        public static let failed = Code(-32004)

        /// The codes that a daemon sends.
        public static let allCases: [Code] = [
            .parseError, .invalidRequest, .methodNotFound, .invalidParams, .internalError, .tooManyClients,
            .lineTooLong, .stopping, .unavailable, .failed,
        ]
    }

    public let code: Code
    /// For people.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// For a request that arrives while the daemon stops.
    public static let stopping = RPCError(.stopping, "the daemon is stopping")

    /// For a request that did not finish before the daemon stopped.
    public static let interrupted = RPCError(
        .stopping, "the daemon is stopping; the request was interrupted")

    public static func methodNotFound(_ method: String) -> RPCError {
        RPCError(.methodNotFound, "no such method: \(method)")
    }

    /// For parameters that could not be read.
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
