internal import NIOCore
internal import NIOHTTP1

/// One connection of a client of the page: a request, its answer, the next request.
///
/// A request is checked before its body is read. What is too slow or too large is refused, and the connection
/// is closed.
///
/// Threading: event loop only.
final class PageConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// A request is awaited, or some of it.
        case waiting
        case reading(PageRequest, ByteBuffer)
        /// The answer is made or sent.
        case answering
        /// Records are sent as they happen.
        case live(LiveClient)
        /// Whatever arrives is ignored until the connection is closed.
        case closing
    }

    private let service: PageService
    private let limits: PageLimits
    private var state = State.waiting
    private var isHead = false
    private var keepsAlive = true
    private var client = ""
    private var deadline: Scheduled<Void>?

    init(_ service: PageService) {
        self.service = service
        limits = service.limits
    }

    func handlerAdded(context: ChannelHandlerContext) {
        client = Self.name(of: context.remoteAddress)
        limit(context, seconds: limits.requestSeconds)
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        if case .live(let live) = state { service.remove(live) }
        state = .closing
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), .waiting): begin(head, context)
        case (.body(var bytes), .reading(let request, var body)):
            guard body.readableBytes + bytes.readableBytes <= limits.bodyBytes else {
                return refuse(Self.tooLarge(limits.bodyBytes), context)
            }
            // The only reference: the bytes are appended in place.
            state = .answering
            body.writeBuffer(&bytes)
            state = .reading(request, body)
        case (.end, .reading(var request, let body)):
            state = .answering
            deadline?.cancel()
            request.body = Array(body.readableBytesView)
            answer(request, context)
        default: break
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        isHead = head.method == .HEAD
        keepsAlive = head.isKeepAlive
        do throws(PageRefusal) {
            let target = try service.check(head, client: client)
            if let length = head.headers["Content-Length"].first.flatMap({ Int($0) }),
                length > limits.bodyBytes
            {
                throw Self.tooLarge(limits.bodyBytes)
            }
            let request = PageRequest(method: head.method, target: target, headers: head.headers)
            state = .reading(request, context.channel.allocator.buffer(capacity: 0))
        } catch {
            refuse(error, context)
        }
    }

    private static func tooLarge(_ bytes: Int) -> PageRefusal {
        PageRefusal(.payloadTooLarge, "too_large", "the body has more than \(bytes) bytes")
    }

    private func answer(_ request: PageRequest, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        service.answer(request, on: context.eventLoop).whenComplete { result in
            let (connection, context) = bound.value
            guard case .answering = connection.state else { return }
            switch result {
            case .success(.message(let message)):
                let hasRoom = connection.service.reserve(message.body.readableBytes)
                connection.send(hasRoom ? message : PageRefusal.busy.message, context, isReserved: hasRoom)
            case .success(.file(let message, let clip, let range)):
                connection.send(message, clip, range, context)
            case .success(.live(let live)): connection.follow(live, context)
            case .failure(let error as PageRefusal): connection.send(error.message, context)
            case .failure(let error):
                let refusal = PageRefusal(.internalServerError, "internal", "\(error)")
                connection.send(refusal.message, context)
            }
        }
    }

    // MARK: Sending

    /// - Parameter isReserved: Whether the service counts the body until it is sent.
    private func send(_ message: PageMessage, _ context: ChannelHandlerContext, isReserved: Bool = false) {
        limit(context, seconds: limits.stallSeconds)
        writeHead(message, length: Int64(message.body.readableBytes), context)
        if !isHead, message.body.readableBytes > 0 {
            context.write(wrapOutboundOut(.body(.byteBuffer(message.body))), promise: nil)
        }
        end(context, reserved: isReserved ? message.body.readableBytes : 0)
    }

    private func writeHead(_ message: PageMessage, length: Int64?, _ context: ChannelHandlerContext) {
        service.count(message.status)
        var headers = HTTPHeaders(Self.common)
        for (name, value) in message.headers { headers.add(name: name, value: value) }
        if let length, message.status != .notModified {
            headers.add(name: "Content-Length", value: "\(length)")
        }
        if !keepsAlive { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(version: .http1_1, status: message.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    /// Of every answer: a page runs only its own scripts, in no frame, and sends its address to no other
    /// site.
    private static let common: [(String, String)] = [
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
                + "media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ]

    private func end(_ context: ChannelHandlerContext, reserved: Int = 0) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        // Before the end is written: the next request may be in the pipeline already, and follows at once.
        if case .answering = state { state = keepsAlive ? .waiting : .closing }
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { result in
            let (connection, context) = bound.value
            connection.service.release(reserved)
            connection.finish(context, result)
        }
    }

    private func finish(_ context: ChannelHandlerContext, _ result: Result<Void, any Error>) {
        switch (state, result) {
        case (.waiting, .success): limit(context, seconds: limits.idleSeconds)
        case (.closing, .success):
            // Data of the client that was not read would have the kernel discard the answer.
            context.channel.close(mode: .output, promise: nil)
            limit(context, seconds: 1)
        case (.reading, .success): limit(context, seconds: limits.requestSeconds)
        // The next request is being answered.
        case (.answering, .success), (.live, .success): break
        case (_, .failure): context.close(promise: nil)
        }
    }

    private func refuse(_ refusal: PageRefusal, _ context: ChannelHandlerContext) {
        keepsAlive = false
        state = .closing
        send(refusal.message, context)
    }

    private func send(
        _ message: PageMessage, _ clip: OpenClip, _ range: Range<Int64>, _ context: ChannelHandlerContext
    ) {
        writeHead(message, length: Int64(range.count), context)
        if isHead { end(context) } else { sendRest(clip, range, context) }
    }

    /// Sends a file in pieces, each after the one before has been sent.
    private func sendRest(_ clip: OpenClip, _ range: Range<Int64>, _ context: ChannelHandlerContext) {
        if range.isEmpty { return end(context) }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        limit(context, seconds: limits.stallSeconds)
        service.read(clip, range, on: context.eventLoop).whenComplete { result in
            let (connection, context) = bound.value
            guard case .answering = connection.state else { return }
            guard case .success(let bytes) = result, bytes.readableBytes > 0 else {
                return context.close(promise: nil)
            }
            let rest = (range.lowerBound + Int64(bytes.readableBytes))..<range.upperBound
            context.writeAndFlush(connection.wrapOutboundOut(.body(.byteBuffer(bytes)))).whenComplete {
                result in
                let (connection, context) = bound.value
                guard case .answering = connection.state else { return }
                guard case .success = result else { return context.close(promise: nil) }
                connection.sendRest(clip, rest, context)
            }
        }
    }

    // MARK: Live

    private func follow(_ request: LiveRequest, _ context: ChannelHandlerContext) {
        let headers = [
            ("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"),
            // nginx would collect some kilobytes before it sends them.
            ("X-Accel-Buffering", "no"),
        ]
        if isHead { return send(PageMessage(.ok, headers: headers), context) }
        keepsAlive = false
        deadline?.cancel()
        let live = LiveClient(request, channel: context.channel, capacity: limits.liveQueue)
        state = .live(live)
        writeHead(PageMessage(.ok, headers: headers), length: nil, context)
        context.flush()
        service.add(live)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .live(let live) = state { live.drain() }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Ends

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent {
            switch state {
            // A client that has sent its request may close its side, and read the answer.
            case .answering: keepsAlive = false
            case .live: PageSocket.reset(context.channel)
            case .waiting, .reading, .closing: expire(context, before: nil)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else { return context.close(promise: nil) }
        switch state {
        case .waiting, .reading:
            if case .headerOverflow = error {
                refuse(
                    PageRefusal(
                        .requestHeaderFieldsTooLarge, "headers_too_large",
                        "the headers have more than \(limits.headerBytes) bytes or \(limits.headerFields) fields"
                    ),
                    context)
            } else {
                refuse(.bad("this is not an HTTP/1.1 request"), context)
            }
        default: context.close(promise: nil)
        }
    }

    /// Ends the connection after a time, unless this is called again before.
    private func limit(_ context: ChannelHandlerContext, seconds: Double) {
        deadline?.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: .nanoseconds(Int64(seconds * 1e9))) {
            let (connection, context) = bound.value
            connection.expire(context, before: nil)
        }
    }

    /// Closes the connection; if the client has not received everything, once it has, or by a reset if it
    /// receives nothing for some time.
    ///
    /// - Parameter before: What it had not received some time ago; nil: not asked yet.
    private func expire(_ context: ChannelHandlerContext, before: Int?) {
        deadline?.cancel()
        // Of an answer that is not complete, the time is over.
        if case .answering = state { return PageSocket.reset(context.channel) }
        state = .closing
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        PageSocket.unsentBytes(context.channel).whenSuccess { [limits] unsent in
            let (connection, context) = bound.value
            if unsent == 0 { return context.close(promise: nil) }
            if let before, unsent >= before { return PageSocket.reset(context.channel) }
            let wait = TimeAmount.nanoseconds(Int64(limits.stallSeconds * 1e9))
            connection.deadline = context.eventLoop.scheduleTask(in: wait) {
                let (connection, context) = bound.value
                connection.expire(context, before: unsent)
            }
        }
    }

    /// What wrong tokens are counted by: an IPv4 address, or the network of an IPv6 address.
    private static func name(of address: SocketAddress?) -> String {
        guard let text = address?.ipAddress else { return "" }
        return text.contains(".") ? text : text.split(separator: ":").prefix(4).joined(separator: ":")
    }
}
