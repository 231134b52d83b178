internal import NIOCore
internal import NIOHTTP1
private import SystemSupport
internal import TextSupport
internal import Wire

/// The part of the API that reads the history and asks the daemons, on the threads of ``PageQueues``.
struct PageAPI: Sendable {
    private let settings: GatewaySettings
    private let history: History
    private let queues: PageQueues

    init(_ settings: GatewaySettings, history: History, queues: PageQueues) {
        (self.settings, self.history, self.queues) = (settings, history, queues)
    }

    // MARK: The history

    /// Whether events are stored: not while the disk is full. Never waits for the disk.
    var canStore: Bool { history.canStore }

    func events(_ filter: EventFilter, on loop: any EventLoop) -> EventLoopFuture<PageAnswer> {
        queues.reads.submit(on: loop) { reader throws(PageRefusal) in
            let (events, before) = try reader.query { try $0.page(filter) }
            return .message(
                .json { json in
                    json.object { json in
                        json.key("events")
                        json.array { json in
                            for event in events { event.write(to: &json, clip: reader.clip(event) != nil) }
                        }
                        json.member("before", before?.text)
                    }
                })
        }
    }

    func summary(
        _ filter: EventFilter, isHourly: Bool, offsetSeconds: Int?, on loop: any EventLoop
    ) -> EventLoopFuture<PageAnswer> {
        let now = Int(Timestamp.now.unixNanos / 1_000_000_000)
        let offset = offsetSeconds ?? TimeZoneRule.local.offsetSeconds(atUnixSeconds: now)
        return queues.reads.submit(on: loop) { reader throws(PageRefusal) in
            let summaries = try reader.query {
                try $0.summary(filter, hours: isHourly ? 1 : 24, offsetSeconds: offset)
            }
            return .message(
                .json { json in
                    json.object { json in
                        json.member("by", isHourly ? "hour" : "day")
                        json.member("summaries", summaries)
                    }
                })
        }
    }

    func minutes(_ query: MinutesQuery, on loop: any EventLoop) -> EventLoopFuture<PageAnswer> {
        queues.reads.submit(on: loop) { reader throws(PageRefusal) in
            guard let series = try reader.query({ try $0.minutes(query) }) else {
                throw .bad(
                    "more than \(MinutesQuery.maximumPoints) points: give a greater step, or less time")
            }
            return .message(
                .json { json in
                    json.object { json in
                        json.member("begin", query.begin.description)
                        json.member("end", query.end.description)
                        json.member("step", query.stepMinutes)
                        json.key("series")
                        json.array { json in for one in series { one.write(to: &json) } }
                    }
                })
        }
    }

    func gaps(_ query: GapsQuery, on loop: any EventLoop) -> EventLoopFuture<PageAnswer> {
        queues.reads.submit(on: loop) { reader throws(PageRefusal) in
            let (gaps, before) = try reader.query { try $0.gaps(query) }
            return .message(
                .json { json in
                    json.object { json in
                        json.member("gaps", gaps)
                        json.member("before", before?.text)
                    }
                })
        }
    }

    /// Stores a review.
    ///
    /// - Parameter publish: Receives the message for the clients of `/api/live`.
    func review(
        _ request: ReviewRequest, on loop: any EventLoop, publish: @escaping @Sendable (LiveMessage) -> Void
    ) -> EventLoopFuture<PageAnswer> {
        let history = history
        return queues.reads.submit(on: loop) { reader throws(PageRefusal) in
            let id = request.ids.first ?? ""
            // Also: is there a history that others can read?
            _ = try reader.history()
            let outcome: ReviewOutcome
            do throws(SQLiteError) { outcome = try history.review(request) } catch {
                throw PageRefusal(
                    .serviceUnavailable, "history_full", "the review is not stored: \(error)")
            }
            guard outcome.ambiguous.isEmpty else {
                throw PageRefusal(.conflict, "ambiguous", "several daemons have this event: give daemon")
            }
            let events = try reader.query { try $0.events(id: id, daemon: request.daemon) }
            guard outcome.reviewed > 0, let event = events.first else { throw .noEvent }
            publish(
                LiveMessage(.review, of: event.daemon) { json in
                    json.member("id", event.id)
                    json.member("review", event.review?.text)
                    json.member("review_label", event.review?.label)
                })
            return .message(.json { event.write(to: &$0, clip: reader.clip(event) != nil) })
        }
    }

    // MARK: Clips

    func clip(_ id: String, _ headers: HTTPHeaders, on loop: any EventLoop) -> EventLoopFuture<PageAnswer> {
        queues.reads.submit(on: loop) { reader throws(PageRefusal) in
            // Only what the history names: no request has the name of a file.
            guard let event = try reader.query({ try $0.events(id: id, daemon: nil) }).first else {
                throw .noEvent
            }
            guard let path = reader.clip(event) else {
                throw PageRefusal(.notFound, "not_found", "this event has no clip")
            }
            let clip = try OpenClip(path)
            var message = PageMessage(
                .ok,
                headers: [
                    ("Content-Type", "audio/wav"), ("Accept-Ranges", "bytes"), ("ETag", clip.tag),
                    ("Cache-Control", "private, no-cache"),
                    ("Content-Disposition", "inline; filename=\"astd-\(event.id).wav\""),
                ])
            if headers[canonicalForm: "If-None-Match"].contains(where: { $0 == clip.tag }) {
                return .message(PageMessage(.notModified, headers: [("ETag", clip.tag)]))
            }
            let isSame = headers["If-Range"].allSatisfy { $0 == clip.tag }
            var range = 0..<clip.size
            if isSame, let header = headers["Range"].first,
                let part = try ByteRange.range(header, size: clip.size)
            {
                range = part
                message.status = .partialContent
                message.headers.append(
                    ("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(clip.size)"))
            }
            return .file(message, clip, range)
        }
    }

    func read(_ clip: OpenClip, _ range: Range<Int64>, on loop: any EventLoop) -> EventLoopFuture<ByteBuffer>
    {
        queues.reads.submit(on: loop) { _ throws(PageRefusal) in clip.bytes(range) }
    }

    // MARK: The daemons

    func command(
        _ command: PageCommand, of daemon: String?, on loop: any EventLoop
    ) -> EventLoopFuture<PageAnswer> {
        guard settings.http.control else {
            return loop.makeFailedFuture(
                PageRefusal(
                    .forbidden, "control_off",
                    "the page may not control the daemons: set http.control to true"))
        }
        return ask(daemon, on: loop) { requests throws(PageRefusal) in try requests.carryOut(command) }
    }

    func labels(of daemon: String?, on loop: any EventLoop) -> EventLoopFuture<PageAnswer> {
        ask(daemon, on: loop) { requests throws(PageRefusal) in try requests.labels() }
    }

    func explain(_ query: ExplainQuery, on loop: any EventLoop) -> EventLoopFuture<PageAnswer> {
        ask(query.daemon, on: loop) { requests throws(PageRefusal) in try requests.explain(query) }
    }

    /// - Parameter name: nil: the only daemon.
    private func ask(
        _ name: String?, on loop: any EventLoop,
        _ body: @escaping @Sendable (DaemonRequests) throws(PageRefusal) -> PageMessage
    ) -> EventLoopFuture<PageAnswer> {
        let names = settings.daemons.map(\.name).joined(separator: ", ")
        guard name != nil || settings.daemons.count == 1 else {
            return loop.makeFailedFuture(PageRefusal.bad("give daemon: one of \(names)"))
        }
        guard let daemon = settings.daemons.first(where: { name == nil || $0.name == name }) else {
            return loop.makeFailedFuture(
                PageRefusal(
                    .notFound, "not_found", "no daemon is called '\(name ?? "")'; there are: \(names)"))
        }
        return queues.requests.submit(on: loop) { _ throws(PageRefusal) in
            .message(try body(DaemonRequests(daemon: daemon)))
        }
    }
}

extension HistoryEvent {
    /// As `astd-gateway events` prints it, with the address of its clip instead of a path.
    func write(to json: inout JSONWriter, clip: Bool) {
        var event = self
        event.clip = clip ? "/api/clips/\(id)" : nil
        event.write(to: &json)
    }
}

extension HistoryReader {
    /// The newest events of a filter with a limit, the oldest first, and where those before them end; nil:
    /// there are none.
    func page(_ filter: EventFilter) throws(SQLiteError) -> ([HistoryEvent], EventPosition?) {
        let limit = filter.limit ?? 200
        let (condition, values) = filter.condition
        var events: [HistoryEvent] = []
        var (last, before): (EventPosition?, EventPosition?)
        try database.query(
            """
            SELECT \(HistoryEvent.columns) FROM events \(condition)
            ORDER BY begin_ms DESC, id DESC LIMIT \(limit + 1)
            """, values
        ) { row in
            if events.count == limit { return before = last }
            events.append(HistoryEvent(row))
            last = EventPosition(begin: row.integer(4) ?? 0, row: row.integer(12) ?? 0)
        }
        return (events.reversed(), before)
    }

    /// The events with an id, of one daemon or of all.
    func events(id: String, daemon: String?) throws(SQLiteError) -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        try database.query(
            """
            SELECT \(HistoryEvent.columns) FROM events
            WHERE daemon IN (SELECT daemon FROM cursors WHERE ?1 IS NULL OR daemon = ?1) AND event = ?2
            """, [.optional(daemon), .text(id)]
        ) { events.append(HistoryEvent($0)) }
        return events
    }
}
