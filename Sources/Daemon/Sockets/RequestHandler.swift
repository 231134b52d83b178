public import TextSupport
public import Wire

/// Answers what clients of `astd.sock` ask, other than `hello`, `subscribe` and `unsubscribe`, which the
/// socket server answers itself.
///
/// Threading: `hello` is called on the event loop and must return at once; `handle` is called in a task of
/// its own for each request, one at a time per client, and is cancelled when its client goes away.
public protocol RequestHandler: Sendable {
    /// What a client that connects now is greeted with.
    func hello() -> Hello

    /// Carries out one request.
    ///
    /// - Parameters:
    ///   - method: As the client wrote it; answer ``RPCError/methodNotFound(_:)`` to one that is unknown.
    ///   - params: Empty when the client sent none.
    ///   - client: For a request that wants more of it than parameters, or tells it more than a reply.
    /// - Returns: One JSON value, or the error the client is told.
    func handle(
        method: String, params: JSONObject, from client: RequestClient
    ) async -> Result<JSONText, RPCError>
}
