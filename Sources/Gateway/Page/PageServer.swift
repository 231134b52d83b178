private import Glibc
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import SystemSupport

/// Serves the page and its API.
///
///     DaemonFollower ─► update ─► PageService ─► LiveHub ─► clients of /api/live
///     browser ◄─► PageConnection ◄─► PageService ─► PageQueue (threads) ─► HistoryReader, clips, astd.sock
///
/// Threading: any thread. One event loop serves every client; nothing on it blocks.
final class PageServer: Sendable {
    /// The port that is listened on.
    let port: Int
    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let service: NIOLoopBound<PageService>
    private let queues: PageQueues
    private let threads: [NamedThread]

    /// Listens; clients are served from now on.
    ///
    /// - Throws: ``GatewayError``
    init(
        _ settings: GatewaySettings, _ address: PageAddress, history: History,
        limits: PageLimits = PageLimits(),
        logger: Logger
    ) throws(GatewayError) {
        let token: String?
        do throws(SecretFile.Failure) {
            token = try settings.http.tokenFile.map { path throws(SecretFile.Failure) in
                try SecretFile.read(path)
            }
        } catch {
            throw .secret(error.description)
        }
        if let token, token.utf8.count < Self.minimumTokenBytes {
            throw .secret(
                "the token in http.token_file has less than \(Self.minimumTokenBytes) bytes: "
                    + "make one with `openssl rand -hex 16`")
        }
        var limits = limits
        let available = Self.raiseDescriptorLimit(to: limits.connections + Self.otherDescriptors)
        limits.connections = max(16, min(limits.connections, available - Self.otherDescriptors))
        limits.liveClients = min(limits.liveClients, limits.connections - 8)
        let queues = PageQueues(settings)
        let guardian = RequestGuard(hosts: settings.http.hosts + Self.ownNames, token: token)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        do {
            threads = try queues.start()
            let (final, api) = (limits, PageAPI(settings, history: history, queues: queues))
            service = try loop.submit {
                NIOLoopBound(
                    PageService(settings, api, guardian, limits: final, loop: loop), eventLoop: loop)
            }.wait()
            let service = service
            channel = try ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 512)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.allowRemoteHalfClosure, value: true)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                // What a client that does not read costs.
                .childChannelOption(.socketOption(.so_sndbuf), value: 131_072)
                .childChannelOption(.writeBufferWaterMark, value: .init(low: 16_384, high: 65_536))
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let service = service.value
                        guard service.admit(channel) else { return channel.close(promise: nil) }
                        var decoder = NIOHTTPDecoderLimitConfiguration()
                        decoder.maxHeaderFieldSize = final.headerBytes
                        decoder.maxHeaderListSize = final.headerBytes
                        decoder.maxHeaderFieldCount = final.headerFields
                        let pipeline = channel.pipeline.syncOperations
                        // A client that does not read its answers sends no more requests.
                        try pipeline.addHandler(BackPressureHandler())
                        try pipeline.configureHTTPServerPipeline(
                            withErrorHandling: false, withEncoderConfiguration: .init(),
                            withDecoderLimitConfiguration: decoder)
                        try pipeline.addHandler(PageConnection(service))
                    }
                }
                .bind(host: address.host, port: address.port).wait()
        } catch {
            queues.stop()
            try? group.syncShutdownGracefully()
            throw .page("\(address.host), port \(address.port): \(Self.reason(error))")
        }
        (self.group, self.queues) = (group, queues)
        port = channel.localAddress?.port ?? address.port
        if limits.liveClients < PageLimits().liveClients {
            logger.warning(
                "the limit of open files is low (LimitNOFILE, ulimit -n): fewer clients of the page are served",
                metadata: ["clients": "\(limits.liveClients)"])
        }
        logger.notice(
            "serving the page",
            metadata: [
                "address":
                    "http://\(address.host.contains(":") ? "[\(address.host)]" : address.host):\(port)/",
                "control": "\(settings.http.control)", "token": "\(token != nil)",
            ])
    }

    static let minimumTokenBytes = 16
    private static let otherDescriptors = 256

    /// Any thread; does not wait.
    func update(_ update: DaemonUpdate, of daemon: String) {
        let service = service
        group.next().execute { service.value.update(update, of: daemon) }
    }

    /// Closes every connection.
    func stop() {
        let service = service
        try? channel.close().wait()
        try? group.next().submit { service.value.close() }.wait()
        queues.stop()
        for thread in threads { thread.join() }
        try? group.syncShutdownGracefully()
    }

    /// The machine's own names.
    private static var ownNames: [String] {
        let name = GatewaySettings.hostName
        return [name, name + ".local"]
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        let advice =
            switch error.errnoCode {
            case EADDRINUSE: ": another program uses this port; choose another in http.listen"
            case EADDRNOTAVAIL: ": this machine has no such address"
            case EACCES: ": ports below 1024 need privileges; choose another in http.listen"
            default: ""
            }
        return String(cString: strerror(error.errnoCode)) + advice
    }

    /// Raises the soft limit of open files, as far as the hard limit permits.
    private static func raiseDescriptorLimit(to wanted: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return wanted }
        if limit.rlim_cur < rlim_t(wanted) {
            limit.rlim_cur = min(rlim_t(wanted), limit.rlim_max)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
