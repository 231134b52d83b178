internal import DaemonClient
private import Glibc
internal import Logging
internal import SystemSupport
private import TextSupport
package import Wire

/// Receives the records of one daemon, for as long as the gateway runs: connects, continues where the history
/// ends, stores.
///
/// Threading: ``run(until:)`` blocks its thread.
struct DaemonFollower: Sendable {
    let daemon: GatewaySettings.Daemon
    let history: History
    let logger: Logger
    /// Labels in a prediction; nil: as many as the daemon sends to everybody.
    var topK: Int?
    /// Labels of a minute whose scores are kept; 0: none.
    var minuteLabels = 0
    /// Whether `spectrum` records are received.
    var wantsSpectrum = false
    /// Whether the names of the loaded adapters are reported.
    var followsAdapters = false
    /// Receives what happens at the daemon; must not block.
    var report: @Sendable (DaemonUpdate) -> Void = { _ in }

    /// Set when the gateway stops; threads that wait are woken.
    typealias Stop = ConditionLocked<Bool>

    /// Longest time that the cursor lags behind predictions: the daemon holds 64 of them.
    private static let cursorSeconds = 2.0
    private static let timeoutSeconds = 5.0
    /// An adapter that was loaded without being used has no record.
    private static let adapterSeconds = 30.0
    /// Records of events that were reported without being stored; a daemon repeats at most 8192.
    private static let unsavedRecords = 16_384
    /// Bounds one transaction.
    private static let batchRecords = 512

    /// Returns when the gateway stops.
    func run(until stop: Stop) {
        var failures = 0
        var lastReason = ""
        var hasClosedEvents = false
        var unsaved = RecentIDs(capacity: Self.unsavedRecords)
        while !isStopped(stop) {
            do throws(ClientFailure) {
                let client = try ControlClient(
                    path: daemon.controlSocket, timeoutSeconds: Self.timeoutSeconds)
                (failures, lastReason, hasClosedEvents) = (0, "", false)
                try follow(client, &unsaved, until: stop)
            } catch {
                failures += 1
                report(.disconnected(reason: error.reason))
                // The first failure may be a daemon that is just being restarted.
                if failures > 1, !hasClosedEvents, case .noDaemon = error {
                    closeEvents()
                    hasClosedEvents = true
                }
                let reason = error.reason
                if failures > 1 && reason != lastReason {
                    log(.warning, "no connection to the daemon; trying again until there is one", reason)
                    lastReason = reason
                }
                wait(milliseconds: failures == 1 ? 100 : 1000, stop)
            }
        }
    }

    /// - Parameter unsaved: Events that were reported while the history could not store them.
    private func follow(
        _ client: ControlClient, _ unsaved: inout RecentIDs, until stop: Stop
    ) throws(ClientFailure) {
        guard let position = try? history.position(of: daemon.name) else {
            // Reading fails only with the disk.
            log(.error, "the history cannot be read", daemon.name)
            return wait(milliseconds: 1000, stop)
        }
        var tracker = try start(client, position.cursor)
        var changes = tracker.openingChanges()
        let isSameRun = position.cursor?.run == client.hello.run
        var minutes = MinuteTracker(
            labels: minuteLabels, after: isSameRun ? position.cursor?.seq ?? 0 : 0,
            last: position.cursor?.time)
        var stored: HistoryCursor? = position.cursor
        var storedAt = ContinuousClock.now
        var listedAt = ContinuousClock.now
        let hello = client.hello
        log(.notice, "connected", "run \(hello.run.text), model \(hello.model), astd \(hello.version)")
        while true {
            let (records, closed) = receive(client)
            let now = Timestamp.now
            for record in records { report(.record(record)) }
            if followsAdapters, closed == nil, .now - listedAt > .seconds(Self.adapterSeconds) {
                // Its reply is one of the next lines.
                client.ask(.adapterList)
                listedAt = .now
            }
            for record in records {
                if case .prediction(let prediction) = record { minutes.add(prediction) }
                if let change = tracker.change(for: record, now: now) { changes.append(change) }
            }
            let isDue = ContinuousClock.now - storedAt > .seconds(Self.cursorSeconds)
            let ends = closed != nil || isStopped(stop)
            if !changes.isEmpty || (isDue || ends) && tracker.cursor != stored {
                let outcome = history.store(
                    changes, of: daemon.name, cursor: tracker.cursor, generation: position.generation,
                    minutes: minutes.take())
                storedAt = .now
                switch outcome {
                case .stored(let new):
                    stored = tracker.cursor
                    if !new.isEmpty { report(.stored(new)) }
                case .suspended:
                    let new = changes.filter { $0.event == nil || !unsaved.contains($0.key) }
                    for change in new where change.event != nil { unsaved.insert(change.key) }
                    if !new.isEmpty { report(.unsaved(new)) }
                case .behind: return
                }
                changes = []
            }
            if let closed { throw closed }
            if ends { return }
        }
    }

    /// Requests the records behind the cursor.
    private func start(
        _ client: ControlClient, _ cursor: HistoryCursor?
    ) throws(ClientFailure) -> RecordTracker {
        let status = try client.decode(client.object(.status)) { json throws(JSONError) in
            try StatusReport(json)
        }
        let adapters = followsAdapters ? Self.adapters(try client.object(.adapterList)) : nil
        var kinds: Set<LiveRecord.Kind> = [.prediction, .event, .gap, .source, .hop, .adapter]
        if wantsSpectrum { kinds.insert(.spectrum) }
        let parameters = SubscribeParameters(kinds: kinds, topK: topK).resuming(
            run: cursor?.run ?? client.hello.run, after: cursor?.seq ?? 0)
        let reply = try client.decode(
            client.object(.subscribe) { parameters.writeMembers(to: &$0) }
        ) { json throws(JSONError) in try SubscribeReply(json) }
        report(.connected(client.hello, status: status))
        if let adapters { report(.adapters(adapters)) }
        let now = Timestamp.now
        let uptime = Int64((max(0, status.uptimeSeconds) * 1e9).rounded())
        return RecordTracker(
            RecordTracker.Start(
                hello: client.hello, daemonBegin: Timestamp(unixNanos: now.unixNanos - uptime),
                activeEvents: Set(status.events.map(\.id)), resumption: reply.resumption, cursor: cursor,
                now: now))
    }

    /// The records that have arrived; waits for the first.
    ///
    /// - Returns: Why there will be no more, if so.
    private func receive(_ client: ControlClient) -> ([LiveRecord], ClientFailure?) {
        var records: [LiveRecord] = []
        var limit = 500
        while records.count < Self.batchRecords {
            do throws(ClientFailure) {
                guard case .object(let object) = try client.next(withinMilliseconds: limit) else { break }
                limit = 0
                // A record of a type that this version does not know is ignored.
                if case .object(let params)? = object.members["params"], let record = try? LiveRecord(params)
                {
                    records.append(record)
                } else if case .object(let result)? = object.members["result"],
                    let adapters = Self.adapters(result)
                {
                    report(.adapters(adapters))
                }
            } catch {
                return (records, error)
            }
        }
        return (records, nil)
    }

    /// The names of a reply to `adapter.list`.
    private static func adapters(_ reply: JSONObject) -> [String]? {
        (try? AdapterList(reply))?.adapters.map(\.name)
    }

    /// Ends the events of a daemon that does not run any more.
    private func closeEvents() {
        // A history that was suspended may be `behind` once.
        for _ in 1...2 {
            guard let position = try? history.position(of: daemon.name), let cursor = position.cursor else {
                return
            }
            let change = HistoryChange.interrupted(except: [], at: cursor.time)
            switch history.store(
                [change], of: daemon.name, cursor: cursor, generation: position.generation)
            {
            case .stored(let new): return report(.stored(new))
            case .suspended: return report(.unsaved([change]))
            case .behind: continue
            }
        }
    }

    private func isStopped(_ stop: Stop) -> Bool { stop.change { $0 } }

    private func wait(milliseconds: Int, _ stop: Stop) {
        _ = stop.wait(milliseconds: milliseconds) { $0 ? true : nil }
    }

    private func log(_ level: Logger.Level, _ message: Logger.Message, _ reason: String) {
        logger.log(level: level, message, metadata: ["daemon": "\(daemon.name)", "reason": "\(reason)"])
    }
}

extension ClientFailure {
    /// For the log.
    var reason: String {
        switch self {
        case .noDaemon(let paths): "no daemon answers at \(paths.joined(separator: ", "))"
        case .notPermitted(let path): "\(path): permission denied; add this user to the socket's group"
        case .badPath(let path): "\(path) is not a valid socket path"
        case .closed(let path): "the daemon at \(path) closed the connection"
        case .timeout(let path, let seconds, let process):
            "the daemon at \(path) did not answer within \(seconds) s: \(PeerProcess.problem(process))"
        case .refused(let method, let error): "the daemon refused \(method): \(error.message)"
        case .notUnderstood(let path, let reason): "unexpected answer at \(path): \(reason)"
        }
    }
}

extension Timestamp {
    package static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(unixNanos: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
