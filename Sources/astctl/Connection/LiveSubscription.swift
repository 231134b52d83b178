import ArgumentParser
import DaemonClient
import Glibc
import TextSupport
import Wire

/// Whether a command that shows records waits for a daemon that has ended.
struct ReconnectOptions: ParsableArguments {
    @Flag(
        inversion: .prefixedNo,
        help:
            "Wait for the daemon's return when it ends, or end with status 3. Default: wait; in a pipe, at most a minute."
    )
    var reconnect: Bool?

    /// - Returns: The longest wait in seconds; 0 for none.
    func waitSeconds(isTerminal: Bool) -> Double {
        switch reconnect {
        case true?: .infinity
        case false?: 0
        case nil: isTerminal ? .infinity : 60
        }
    }
}

/// A subscription that continues when the daemon has ended and is back.
final class LiveSubscription {
    enum Next {
        /// A record that was not received before, and the object that it was read from; nil for a type that
        /// this version does not know.
        case record(LiveRecord?, JSONObject)
        /// Nothing arrived in time, or a signal ended the wait.
        case nothing
        /// The daemon has ended; from now on its return is awaited.
        case interrupted
        /// The daemon is back.
        case resumed(Hello, SubscribeReply.Resumption?)
    }

    let path: String
    private let timeoutSeconds: Double
    private let waitSeconds: Double
    private let parameters: SubscribeParameters
    private var client: ControlClient?
    private var deadline: ContinuousClock.Instant?
    private var progress: Progress
    private var answers = AnswerCheck()
    /// That the connected daemon does not answer, and what is known about it; nil when it does.
    var hang: String? { client == nil ? nil : answers.problem }

    /// How far the client has come in a run.
    private struct Progress {
        var run: RunID
        var seq: UInt64 = 0
        /// Ends of the last gaps, by source.
        var gapEnds: [String: Int64] = [:]
        /// The records of events since `seq`: they are repeated when the subscription continues from there.
        var events: Set<String> = []

        /// - Returns: Whether the record is new.
        mutating func add(_ record: LiveRecord) -> Bool {
            switch record {
            case .prediction(let prediction):
                advance(to: prediction.seq)
            case .event(let event):
                advance(to: event.seq)
                return events.insert("\(event.state) \(event.id)").inserted
            case .ongoing(let event):
                advance(to: event.seq)
                return events.insert("ongoing \(event.id) \(event.endSample)").inserted
            case .gap(let gap):
                let source = gap.source ?? ""
                guard gap.endSample > gapEnds[source] ?? .min else { return false }
                gapEnds[source] = gap.endSample
            case .source(let source) where source.state == .ended:
                // If it starts again, it is another stream.
                gapEnds[source.source ?? ""] = nil
            default: break
            }
            return true
        }

        private mutating func advance(to seq: UInt64) {
            guard seq > self.seq else { return }
            self.seq = seq
            events = []
        }
    }

    /// Subscribes.
    init(
        _ client: ControlClient, _ parameters: SubscribeParameters, waitSeconds: Double
    ) throws(ClientFailure) {
        self.client = client
        (path, timeoutSeconds) = (client.path, client.timeoutSeconds)
        self.parameters = parameters
        self.waitSeconds = waitSeconds
        progress = Progress(run: client.hello.run)
        _ = try client.request(.subscribe) { parameters.writeMembers(to: &$0) }
    }

    /// - Throws: ``ClientFailure``; `closed` when the daemon has ended and did not return in time.
    func next(withinMilliseconds limit: Int) throws(ClientFailure) -> Next {
        guard let client else { return try connect(withinMilliseconds: limit) }
        do throws(ClientFailure) {
            guard case .object(let object) = try client.next(withinMilliseconds: limit) else {
                answers.tick(client)
                return .nothing
            }
            answers.recordLine()
            guard case .object(let params)? = object.members["params"] else { return .nothing }
            let record = try? LiveRecord(params)
            if let record, !progress.add(record) { return .nothing }
            return .record(record, params)
        } catch {
            guard case .closed = error, waitSeconds > 0 else { throw error }
            self.client = nil
            deadline = waitSeconds.isFinite ? .now + .seconds(waitSeconds) : nil
            return .interrupted
        }
    }

    /// Tries once to connect to a daemon that is back.
    private func connect(withinMilliseconds limit: Int) throws(ClientFailure) -> Next {
        do throws(ClientFailure) {
            let client = try ControlClient(path: path, timeoutSeconds: timeoutSeconds)
            let parameters = parameters.resuming(run: progress.run, after: progress.seq)
            let object = try client.object(.subscribe) { parameters.writeMembers(to: &$0) }
            let reply = try client.decode(object) { json throws(JSONError) in try SubscribeReply(json) }
            self.client = client
            answers.recordLine()
            if reply.resumption?.isSameRun != true { progress = Progress(run: client.hello.run) }
            return .resumed(client.hello, reply.resumption)
        } catch {
            // A daemon that starts or stops refuses clients, or its socket is not ready.
            guard error.isPassing else { throw error }
            if let deadline, deadline < .now { throw .closed(path: path) }
            usleep(UInt32(min(limit, 100)) * 1000)
            return .nothing
        }
    }
}
