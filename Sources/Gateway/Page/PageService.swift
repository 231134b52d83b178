internal import NIOCore
internal import NIOHTTP1
private import TextSupport
private import Wire

/// What all connections share: the checks, the state of the daemons, the live clients, the counters.
///
/// Threading: event loop only.
final class PageService {
    let limits: PageLimits
    private let settings: GatewaySettings
    private let api: PageAPI
    private let loop: any EventLoop
    private let files = PageFiles()
    private let hub: LiveHub
    private var guardian: RequestGuard
    private var state: PageState
    private var channels: [ObjectIdentifier: any Channel] = [:]
    private var counters = PageCounters()
    /// Of answers that clients have not received.
    private var answerBytes = 0
    private var ticks: RepeatedTask?

    init(
        _ settings: GatewaySettings, _ api: PageAPI, _ guardian: RequestGuard, limits: PageLimits,
        loop: any EventLoop
    ) {
        (self.settings, self.api, self.guardian) = (settings, api, guardian)
        (self.limits, self.loop) = (limits, loop)
        hub = LiveHub(limits, run: RunID().text)
        state = PageState(settings.daemons.map(\.name))
        let hub = NIOLoopBound(hub, eventLoop: loop)
        let interval = TimeAmount.nanoseconds(Int64(min(1, limits.heartbeatSeconds / 2) * 1e9))
        ticks = loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in hub.value.tick() }
    }

    /// - Returns: Whether there is room for a connection.
    func admit(_ channel: any Channel) -> Bool {
        guard channels.count < limits.connections else {
            counters.refusedConnections += 1
            return false
        }
        let id = ObjectIdentifier(channel)
        channels[id] = channel
        let bound = NIOLoopBound(self, eventLoop: loop)
        channel.closeFuture.whenComplete { _ in bound.value.channels[id] = nil }
        return true
    }

    func update(_ update: DaemonUpdate, of daemon: String) {
        for message in state.update(update, of: daemon) { hub.publish(message) }
    }

    func close() {
        ticks?.cancel()
        for channel in channels.values { channel.close(promise: nil) }
    }

    // MARK: Requests

    /// - Returns: Whether there is room for the body of an answer; it is counted until ``release(_:)``.
    func reserve(_ bytes: Int) -> Bool {
        guard answerBytes + bytes <= limits.answerBytes else { return false }
        answerBytes += bytes
        return true
    }

    func release(_ bytes: Int) { answerBytes -= bytes }

    func check(_ head: HTTPRequestHead, client: String) throws(PageRefusal) -> PageTarget {
        try guardian.check(head, client: client, now: Double(NIODeadline.now().uptimeNanoseconds) / 1e9)
    }

    func count(_ status: HTTPResponseStatus) { counters.answers[Int(status.code) / 100, default: 0] += 1 }

    func answer(_ request: PageRequest, on loop: any EventLoop) -> EventLoopFuture<PageAnswer> {
        do throws(PageRefusal) {
            switch try PageEndpoint(request) {
            case .file(let name):
                guard let message = files.answer(name, request.headers) else { throw .notFound }
                return loop.makeSucceededFuture(.message(message))
            case .status: return loop.makeSucceededFuture(.message(status()))
            case .health: return loop.makeSucceededFuture(.message(health()))
            case .metrics: return loop.makeSucceededFuture(.message(metrics()))
            case .live(let live):
                guard !hub.isFull else { throw .busy }
                return loop.makeSucceededFuture(.live(live))
            case .events(let filter): return api.events(filter, on: loop)
            case .summary(let filter, let isHourly, let offset):
                return api.summary(filter, isHourly: isHourly, offsetSeconds: offset, on: loop)
            case .minutes(let query): return api.minutes(query, on: loop)
            case .gaps(let query): return api.gaps(query, on: loop)
            case .clip(let id): return api.clip(id, request.headers, on: loop)
            case .review(let review):
                let bound = NIOLoopBound(self, eventLoop: loop)
                return api.review(review, on: loop) { message in
                    loop.execute { bound.value.hub.publish(message) }
                }
            case .labels(let daemon): return api.labels(of: daemon, on: loop)
            case .explain(let query): return api.explain(query, on: loop)
            case .command(let daemon, let command): return api.command(command, of: daemon, on: loop)
            }
        } catch {
            return loop.makeFailedFuture(error)
        }
    }

    private func status() -> PageMessage {
        .json { json in
            json.object { json in
                json.member("node", settings.node)
                json.member("version", astdVersion)
                json.member("time", Timestamp.now.description)
                json.member("control", settings.http.control)
                writeServices(to: &json)
                json.key("live")
                json.object { $0.member("clients", hub.count) }
                json.key("daemons")
                json.array { json in
                    for daemon in state.daemons {
                        json.object { json in
                            json.member("daemon", daemon.name)
                            daemon.writeState(to: &json)
                        }
                    }
                }
            }
        }
    }

    private func writeServices(to json: inout JSONWriter) {
        json.key("history")
        if let path = settings.history.path {
            json.object { json in
                json.member("path", path)
                json.member("days", settings.history.days)
                json.member("clips", !settings.history.clips.isEmpty)
                json.member("writable", api.canStore)
            }
        } else {
            json.null()
        }
        json.key("mqtt")
        if let address = settings.mqtt.url.flatMap({ BrokerAddress($0) }) {
            json.object { json in json.member("broker", address.host) }
        } else {
            json.null()
        }
    }

    private func metrics() -> PageMessage {
        var metrics = PageMetrics()
        metrics.add(state.daemons)
        metrics.add("live_clients", "gauge", "Clients of /api/live.", [([], "\(hub.count)")])
        metrics.add(
            "live_dropped_total", "counter",
            "Messages that clients of /api/live missed because they read too slowly.",
            [([], "\(hub.dropped)")])
        metrics.add(
            "live_closed_total", "counter",
            "Clients of /api/live that were closed because they did not read.",
            [([], "\(hub.closed)")])
        metrics.add(
            "http_responses_total", "counter", "Answers by class of their status.",
            counters.answers.sorted { $0.key < $1.key }.map { ([("code", "\($0)xx")], "\($1)") })
        metrics.add(
            "http_connections", "gauge", "Connections of clients of the page.", [([], "\(channels.count)")])
        metrics.add(
            "http_refused_connections_total", "counter", "Connections closed because there were too many.",
            [([], "\(counters.refusedConnections)")])
        metrics.add(
            "history_writable", "gauge", "Whether events are stored: 0 while the disk is full.",
            settings.history.path == nil ? [] : [([], api.canStore ? "1" : "0")])
        return PageMessage(
            .ok,
            headers: [
                ("Content-Type", "text/plain; version=0.0.4; charset=utf-8"), ("Cache-Control", "no-store"),
            ],
            body: ByteBuffer(string: metrics.text))
    }

    /// 200 while every daemon is connected.
    private func health() -> PageMessage {
        let problem = state.problem
        return .json(problem == nil ? .ok : .serviceUnavailable) { json in
            json.object { json in
                json.member("status", problem == nil ? "ok" : "degraded")
                if let problem { json.member("reason", problem) }
            }
        }
    }

    func read(_ clip: OpenClip, _ range: Range<Int64>, on loop: any EventLoop) -> EventLoopFuture<ByteBuffer>
    {
        api.read(clip, range, on: loop)
    }

    // MARK: Live clients

    func add(_ client: LiveClient) { hub.add(client, state: state.opening) }

    func remove(_ client: LiveClient) { hub.remove(client) }
}

/// For `/metrics`.
struct PageCounters {
    /// By the first digit of the status.
    var answers: [Int: UInt64] = [:]
    var refusedConnections: UInt64 = 0
}
