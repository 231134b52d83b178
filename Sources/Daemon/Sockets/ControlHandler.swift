import NIOCore
import TextSupport
import Wire

/// One client of `astd.sock`: a request a line, a reply a line, and records once it subscribes.
///
/// One request is worked on at a time. While it is, or while the client does not read its replies, nothing
/// more is read from the client, so what it can make the daemon hold is bounded.
///
/// Threading: event loop only; a request runs in its own task and comes back to the loop.
final class ControlHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let greeting: ClientGreeting
    private let channel: any Channel
    private let outlet: RecordOutlet
    private var framer = LineFramer()
    private var waiting: ArraySlice<LineFramer.Item> = []
    private var request: Task<Void, Never>?
    private var isServed = false
    private var wantsRead = false
    private var isInputClosed = false
    private var isFinishing = false
    private var files: PassedFiles?
    /// Kept when the client reads on, or goes.
    private var room: EventLoopPromise<Void>?

    init(greeting: ClientGreeting, hub: EventHub, channel: any Channel) {
        self.greeting = greeting
        self.channel = channel
        outlet = RecordOutlet(hub: hub, channel: channel)
    }

    // MARK: Channel

    func channelActive(context: ChannelHandlerContext) {
        isServed = greeting.admit(context.channel)
        guard isServed else { return }
        catchFiles(context)
        greeting.sayHello(context.channel)
    }

    func channelInactive(context: ChannelHandlerContext) {
        outlet.close()
        request?.cancel()
        isServed = false
        room?.succeed()
        room = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard isServed, !isFinishing else { return }
        waiting.append(contentsOf: framer.append(Array(buffer: unwrapInboundIn(data))))
        proceed(context)
    }

    func read(context: ChannelHandlerContext) {
        if isBusy(context) {
            wantsRead = true
        } else {
            context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        outlet.drain()
        if context.channel.isWritable {
            room?.succeed()
            room = nil
        }
        proceed(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .finish? = event as? ClientEvent {
            isFinishing = true
            waiting = []
        } else if case .inputClosed? = event as? ChannelEvent {
            isInputClosed = true
            if let line = framer.finish() { waiting.append(.line(line)) }
        } else {
            return
        }
        proceed(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: Requests

    private func isBusy(_ context: ChannelHandlerContext) -> Bool {
        request != nil || !waiting.isEmpty || !context.channel.isWritable
    }

    /// Works off the waiting lines, reads on when there are none, and closes when that was all.
    private func proceed(_ context: ChannelHandlerContext) {
        while isServed, request == nil, context.channel.isWritable, let item = waiting.popFirst() {
            switch item {
            case .overlong:
                let message = "a line is longer than \(LineFramer.maximumLineBytes) bytes; it was skipped"
                reply(to: .null, .failure(RPCError(.lineTooLong, message)), context)
            case .line(let line) where line.allSatisfy { $0 == 0x20 || $0 == 0x09 }:
                continue
            case .line(let line):
                answer(line, context)
            }
        }
        if isFinishing { outlet.drain() }
        let isDone = isFinishing ? outlet.isDrained : isInputClosed && waiting.isEmpty && !outlet.isOpen
        if isDone && request == nil {
            let channel = context.channel
            channel.writeAndFlush(ByteBuffer()).whenComplete { _ in channel.close(promise: nil) }
        } else if wantsRead && !isBusy(context) {
            wantsRead = false
            context.read()
        }
    }

    private func answer(_ line: [UInt8], _ context: ChannelHandlerContext) {
        do throws(RPCRequest.Refusal) {
            answer(try RPCRequest(line: line), context)
        } catch {
            reply(to: error.id, .failure(error.error), context)
        }
    }

    private func answer(_ request: RPCRequest, _ context: ChannelHandlerContext) {
        switch request.method {
        case "hello":
            reply(to: request.id, .success(JSONText(greeting.hello())), context)
        case "subscribe":
            subscribe(request, context)
        case "unsubscribe":
            outlet.close()
            reply(to: request.id, .success(Self.subscribed(false)), context)
        default:
            hand(request, context)
        }
    }

    private func subscribe(_ request: RPCRequest, _ context: ChannelHandlerContext) {
        do throws(JSONError) {
            let parameters = try SubscribeParameters(request.params)
            // In this order: whoever has read the reply misses nothing that is published from then on.
            outlet.open(Subscription(form: .notification, parameters: parameters))
            reply(to: request.id, .success(Self.subscribed(true)), context)
            outlet.drain()
        } catch {
            reply(to: request.id, .failure(.invalidParams(error)), context)
        }
    }

    private static func subscribed(_ isSubscribed: Bool) -> JSONText {
        JSONText { $0.object { $0.member("subscribed", isSubscribed) } }
    }

    /// Gives the request to the daemon's handler, off the event loop.
    private func hand(_ request: RPCRequest, _ context: ChannelHandlerContext) {
        let promise = context.eventLoop.makePromise(of: Result<JSONText, RPCError>.self)
        let client = RequestClient(NIOLoopBound(self, eventLoop: context.eventLoop))
        self.request = promise.completeWithTask { [handler = greeting.handler] in
            await handler.handle(method: request.method, params: request.params, from: client)
        }
        promise.futureResult.assumeIsolated().whenSuccess { outcome in
            self.request = nil
            guard self.isServed else { return }
            self.reply(to: request.id, outcome, context)
            self.proceed(context)
        }
    }

    // MARK: For the request in work

    private func catchFiles(_ context: ChannelHandlerContext) {
        let options = context.channel.syncOptions
        files = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { PassedFiles(of: $0) }
        if let files { try? options?.setOption(.recvAllocator, value: files) }
    }

    func takeFile() -> PassedFiles.Taken { files?.take() ?? .none }

    /// Sends a line between the request and its reply.
    ///
    /// - Returns: When there is room for another, or nobody to read it.
    func tell(_ line: [UInt8]) -> EventLoopFuture<Void> {
        let loop = channel.eventLoop
        guard isServed else { return loop.makeSucceededVoidFuture() }
        channel.writeAndFlush(ByteBuffer(bytes: line), promise: nil)
        guard !channel.isWritable else { return loop.makeSucceededVoidFuture() }
        let promise = room ?? loop.makePromise()
        room = promise
        return promise.futureResult
    }

    // MARK: Replies

    /// Writes a reply, unless the request was a notification.
    private func reply(
        to id: RPCIdentifier?, _ outcome: Result<JSONText, RPCError>, _ context: ChannelHandlerContext
    ) {
        guard let id else { return }
        let line =
            switch outcome {
            case .success(let result): RPCReply.line(id: id, result: result)
            case .failure(let error): RPCReply.line(id: id, error: error)
            }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: line)), promise: nil)
    }
}
