internal import NIOCore
internal import NIOHTTP1
internal import TextSupport

/// A complete request that has passed ``RequestGuard``.
struct PageRequest: Sendable {
    var method: HTTPMethod
    var target: PageTarget
    var headers: HTTPHeaders
    var body: [UInt8] = []
}

/// What a request is answered with.
enum PageAnswer: Sendable {
    case message(PageMessage)
    /// A part of a file.
    case file(PageMessage, OpenClip, Range<Int64>)
    /// Records as they happen.
    case live(LiveRequest)
}

/// A status, headers and a body.
struct PageMessage: Sendable {
    var status: HTTPResponseStatus = .ok
    var headers: [(name: String, value: String)] = []
    var body = ByteBuffer()

    init(
        _ status: HTTPResponseStatus, headers: [(name: String, value: String)] = [],
        body: ByteBuffer = .init()
    ) {
        (self.status, self.headers, self.body) = (status, headers, body)
    }

    /// An object or an array of the API.
    static func json(
        _ status: HTTPResponseStatus = .ok, _ write: (inout JSONWriter) -> Void
    ) -> PageMessage {
        var json = JSONWriter(reservingCapacity: 4096)
        write(&json)
        json.newline()
        return PageMessage(
            status, headers: [("Content-Type", "application/json"), ("Cache-Control", "no-store")],
            body: ByteBuffer(bytes: json.bytes))
    }
}

/// Why a request is refused: a status, a word for programs and a sentence for people.
struct PageRefusal: Error, Equatable, Sendable {
    var status: HTTPResponseStatus
    var code: String
    var reason: String
    var headers: [String: String] = [:]

    init(_ status: HTTPResponseStatus, _ code: String, _ reason: String, headers: [String: String] = [:]) {
        (self.status, self.code, self.reason, self.headers) = (status, code, reason, headers)
    }

    static func bad(_ reason: String) -> PageRefusal { PageRefusal(.badRequest, "bad_request", reason) }
    static let notFound = PageRefusal(.notFound, "not_found", "there is nothing at this path")
    static let noEvent = PageRefusal(.notFound, "not_found", "no event has this id")
    static let busy = PageRefusal(
        .serviceUnavailable, "busy", "too many requests wait; try again in a second",
        headers: ["Retry-After": "1"])

    var message: PageMessage {
        var message = PageMessage.json(status) { json in
            json.object { json in
                json.key("error")
                json.object { json in
                    json.member("code", code)
                    json.member("message", reason)
                }
            }
        }
        message.headers += headers.map { ($0.key, $0.value) }
        return message
    }
}

/// Limits of the server. Tests have smaller ones.
struct PageLimits: Sendable {
    /// Connections at a time; further ones are closed at once.
    var connections = 1280
    /// Of these, clients of `/api/live`.
    var liveClients = 1024
    /// The request line and all headers.
    var headerBytes = 16_384
    var headerFields = 64
    var bodyBytes = 65_536
    /// For a request to arrive, from the begin of its connection.
    var requestSeconds = 10.0
    /// From an answer to the end of the next request.
    var idleSeconds = 60.0
    /// For a client to receive some of its answer.
    var stallSeconds = 30.0
    /// Of all answers that clients have not received yet; beyond, requests are answered with 503.
    var answerBytes = 128 << 20
    /// Between two comments that keep a live connection open.
    var heartbeatSeconds = 15.0
    /// Messages that wait for a live client.
    var liveQueue = 256
    /// Events that are kept for clients that return.
    var keptEvents = 1000
}
