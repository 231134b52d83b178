import NIOCore
import TextSupport
import Wire

/// One client of `astd.sock`: one request per line, one reply per line, and records once it has subscribed.
///
/// Requests are processed one at a time. While a request is in progress, or while the client does not read
/// its replies, nothing more is read from the client; this bounds the memory that it can occupy.
///
/// Threading: event loop only. A request runs in a task of its own; its result returns to the event loop.
final class ControlHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct RequestInProgress {
        let id: RPCIdentifier?
        let task: Task<Void, Never>
    }

    private let greeting: ClientGreeting
    private let hub: EventHub
    private let channel: any Channel
    private let writer: SubscriptionWriter
    private var framer = LineFramer()
    /// Lines that were received and not yet processed.
    private var waiting: ArraySlice<LineFramer.Item> = []
    private var request: RequestInProgress?
    private var isServed = false
    private var wantsRead = false
    private var isInputClosed = false
    private var isFinishing = false
    private var files: PassedFiles?
    /// Succeeds when the channel becomes writable again, or closes.
    private var writable: EventLoopPromise<Void>?

    init(greeting: ClientGreeting, hub: EventHub, channel: any Channel) {
        self.greeting = greeting
        self.hub = hub
        self.channel = channel
        writer = SubscriptionWriter(hub: hub, channel: channel)
    }

    // MARK: Channel

    func channelActive(context: ChannelHandlerContext) {
        isServed = greeting.admit(context.channel)
        guard isServed else { return }
        receiveFiles(context)
        greeting.sendHello(context.channel)
        let state = hub.currentState(in: .notification)
        if !state.isEmpty { context.channel.writeAndFlush(ByteBuffer(bytes: state), promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        writer.close()
        request?.task.cancel()
        isServed = false
        writable?.succeed()
        writable = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard isServed else { return }
        waiting.append(contentsOf: framer.append(Array(buffer: unwrapInboundIn(data))))
        processWaiting(context)
    }

    func read(context: ChannelHandlerContext) {
        if isBusy(context) {
            wantsRead = true
        } else {
            context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writer.drain()
        if context.channel.isWritable {
            writable?.succeed()
            writable = nil
        }
        processWaiting(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ClientEvent {
            isFinishing = true
            if event == .interrupt { interruptRequest(context) }
        } else if case .inputClosed? = event as? ChannelEvent {
            isInputClosed = true
            if let line = framer.finish() { waiting.append(.line(line)) }
        } else {
            return
        }
        processWaiting(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: Requests

    private func isBusy(_ context: ChannelHandlerContext) -> Bool {
        request != nil || !waiting.isEmpty || !context.channel.isWritable
    }

    /// Processes the waiting lines until one takes time. With none left, reads on, or closes when the client
    /// or the daemon is done.
    private func processWaiting(_ context: ChannelHandlerContext) {
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
        if isFinishing { writer.drain() }
        if isDone {
            let channel = context.channel
            channel.writeAndFlush(ByteBuffer()).whenComplete { _ in channel.close(promise: nil) }
        } else if wantsRead && !isBusy(context) {
            wantsRead = false
            context.read()
        }
    }

    /// Whether the client has everything that it waits for. When the daemon stops, requests that it has sent
    /// and that were not read yet are read, to be refused.
    private var isDone: Bool {
        guard waiting.isEmpty, request == nil else { return false }
        return isFinishing
            ? writer.isDrained && !(files?.hasUnreadBytes ?? false) : isInputClosed && !writer.isOpen
    }

    private func answer(_ line: [UInt8], _ context: ChannelHandlerContext) {
        do throws(RPCRequest.Refusal) {
            answer(try RPCRequest(line: line), context)
        } catch {
            reply(to: error.id, .failure(error.error), context)
        }
    }

    private func answer(_ request: RPCRequest, _ context: ChannelHandlerContext) {
        // The flag is set for all clients before the first of them is asked to finish.
        if greeting.registry.isStopping {
            return reply(to: request.id, .failure(.stopping), context)
        }
        guard let method = RPCMethod(rawValue: request.method) else {
            return reply(to: request.id, .failure(.methodNotFound(request.method)), context)
        }
        do throws(JSONError) {
            try method.checkNames(of: request.params)
            switch method {
            case .hello:
                reply(to: request.id, .success(JSONText(greeting.hello())), context)
            case .subscribe:
                try subscribe(request, context)
            case .unsubscribe:
                writer.close()
                reply(to: request.id, .success(JSONText(SubscribeReply(isSubscribed: false))), context)
            default:
                start(method, request, context)
            }
        } catch {
            reply(to: request.id, .failure(.invalidParams(error)), context)
        }
    }

    private func subscribe(_ request: RPCRequest, _ context: ChannelHandlerContext) throws(JSONError) {
        let parameters = try SubscribeParameters(request.params)
        // In this order, a client that has read the reply receives the current state, and everything
        // published after it.
        let resumption = writer.open(Subscription(form: .notification, parameters: parameters))
        let warnings = greeting.handler.warnings(about: parameters)
        let result = SubscribeReply(isSubscribed: true, resumption: resumption, warnings: warnings)
        reply(to: request.id, .success(JSONText(result)), context)
        writer.drain()
    }

    /// Runs the daemon's handler outside the event loop.
    private func start(_ method: RPCMethod, _ request: RPCRequest, _ context: ChannelHandlerContext) {
        let promise = context.eventLoop.makePromise(of: Result<JSONText, RPCError>.self)
        let client = RequestClient(NIOLoopBound(self, eventLoop: context.eventLoop))
        let task = promise.completeWithTask { [handler = greeting.handler] in
            await handler.handle(method, params: request.params, from: client)
        }
        self.request = RequestInProgress(id: request.id, task: task)
        let requests = greeting.registry.requests
        requests.begin()
        promise.futureResult.assumeIsolated().whenComplete { result in
            requests.end()
            guard case .success(let outcome) = result else { return }
            // An interrupted request was answered already.
            guard self.request?.task == task else { return }
            self.request = nil
            guard self.isServed else { return }
            self.reply(to: request.id, outcome, context)
            self.processWaiting(context)
        }
    }

    private func interruptRequest(_ context: ChannelHandlerContext) {
        guard let request, isServed else { return }
        self.request = nil
        request.task.cancel()
        reply(to: request.id, .failure(.interrupted), context)
    }

    // MARK: Used by the request in progress

    private func receiveFiles(_ context: ChannelHandlerContext) {
        let options = context.channel.syncOptions
        files = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { PassedFiles(of: $0) }
        if let files { try? options?.setOption(.recvAllocator, value: files) }
    }

    func dequeueFile() -> PassedFiles.Received { files?.dequeue() ?? .none }

    /// Sends a notification before the reply.
    ///
    /// - Returns: Succeeds when the channel accepts another line, or is closed.
    func notify(_ line: [UInt8]) -> EventLoopFuture<Void> {
        let loop = channel.eventLoop
        guard isServed else { return loop.makeSucceededVoidFuture() }
        channel.writeAndFlush(ByteBuffer(bytes: line), promise: nil)
        guard !channel.isWritable else { return loop.makeSucceededVoidFuture() }
        let promise = writable ?? loop.makePromise()
        writable = promise
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
