import NIOCore
public import TextSupport
public import Wire

/// Answers the requests of `astd.sock`, except `hello`, `subscribe` and `unsubscribe`, which belong to the
/// connection.
public protocol RequestHandler: Sendable {
    /// The greeting for a client that connects now. Called on the event loop; must not block.
    func hello() -> Hello

    /// Sentences about the names of a subscription that are unknown: as sources, or as labels of an active
    /// variant.
    /// Called on the event loop; must not block.
    func warnings(about parameters: SubscribeParameters) -> [String]

    /// Carries out one request.
    ///
    /// Called in a task of its own, one request at a time per client. The task is cancelled when the client
    /// disconnects.
    ///
    /// - Parameters:
    ///   - params: Empty when the client sent none. The names are checked, the values are not.
    ///   - client: For requests that pass a file or send notifications.
    /// - Returns: One JSON value, or the error to report to the client.
    func handle(
        _ method: RPCMethod, params: JSONObject, from client: RequestClient
    ) async -> Result<JSONText, RPCError>
}

/// The client that sent a request: its passed file, and a way to notify it before the reply.
public struct RequestClient: Sendable {
    private let handler: NIOLoopBound<ControlHandler>

    init(_ handler: NIOLoopBound<ControlHandler>) { self.handler = handler }

    /// The open file that was passed with this request, or with an earlier one that did not use it.
    func dequeueFile() async -> PassedFiles.Received {
        let received = try? await handler.eventLoop.submit { handler.value.dequeueFile() }.get()
        return received ?? .none
    }

    /// Sends a notification. Returns when the client can receive the next one, or has disconnected.
    func notify(_ method: String, _ params: some JSONRecord) async {
        let line = RPCReply.notification(method: method, params: params.encoded())
        try? await handler.eventLoop.flatSubmit { handler.value.notify(line) }.get()
    }
}
