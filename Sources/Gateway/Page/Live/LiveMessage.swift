internal import NIOCore
internal import TextSupport

/// A message of the stream of server-sent events, encoded once for all clients.
struct LiveMessage: Sendable {
    /// The name of the server-sent event.
    enum Kind: String, Sendable { case daemon, prediction, event, source, gap, review, spectrum, lost }

    var kind: Kind
    /// nil: for the clients of every daemon.
    var daemon: String?
    /// The members of `data` behind `daemon`, as a complete object.
    private let data: [UInt8]

    /// - Parameter write: Writes the members behind `daemon`.
    init(_ kind: Kind, of daemon: String?, _ write: (inout JSONWriter) -> Void) {
        (self.kind, self.daemon) = (kind, daemon)
        var json = JSONWriter()
        json.object { json in
            json.member("daemon", daemon)
            write(&json)
        }
        data = json.bytes
    }

    /// As it is sent.
    ///
    /// - Parameter id: What a client that returns continues after; nil: it keeps the one before.
    func bytes(id: String? = nil) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(data.count + 64)
        if let id { buffer.writeString("id: \(id)\n") }
        // JSON has no line break, which would end the message.
        buffer.writeString("event: \(kind.rawValue)\ndata: ")
        buffer.writeBytes(data)
        buffer.writeString("\n\n")
        return buffer
    }
}

/// What a client of `/api/live` asks for.
struct LiveRequest: Equatable, Sendable {
    /// Names of daemons; empty: all.
    var daemons: Set<String> = []
    /// The last event that the client has received.
    var lastID: String?
    /// Whether it wants `spectrum` messages, ten per second and source.
    var wantsSpectrum = false
}
