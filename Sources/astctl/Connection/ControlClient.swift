import TextSupport
import Wire

/// A client of `astd.sock`: greets, asks one thing at a time, and hands out the records in between.
final class ControlClient {
    enum Next: Equatable {
        case object(JSONObject)
        /// Nothing came in time, or a signal did.
        case nothing
    }

    let path: String
    private(set) var hello: Hello
    private let timeoutSeconds: Double
    private let connection: UnixConnection
    private var framer = LineFramer(maximumLineBytes: 16 << 20)  // A daemon's lines are its own business.
    private var lines: ArraySlice<[UInt8]> = []
    private var nextID = 1

    /// Connects and reads the daemon's hello.
    ///
    /// - Throws: ``CommandFailure``.
    init(path: String, timeoutSeconds: Double) throws(CommandFailure) {
        self.path = path
        self.timeoutSeconds = timeoutSeconds
        connection = try UnixConnection(path: path, timeoutSeconds: timeoutSeconds)
        hello = Hello(model: "", adapters: [nil], labels: 0, window: 0, hop: 0)
        let deadline = ContinuousClock.now + .seconds(timeoutSeconds)
        switch try message(answer(before: deadline)) {
        case .record(.hello(let hello)):
            guard hello.protocolVersion == protocolVersion else {
                throw .notUnderstood(path: path, reason: "it speaks protocol \(hello.protocolVersion)")
            }
            self.hello = hello
        case .failure(_, let error):
            throw .refused(method: "connect", error)
        default:
            throw .notUnderstood(path: path, reason: "it did not say hello")
        }
    }

    /// Sends a request and waits for its reply; records that come before it are dropped.
    ///
    /// - Throws: ``CommandFailure``, `.refused` with the daemon's own words.
    func request(
        _ method: String, writeParams: ((inout JSONWriter) -> Void)? = nil
    ) throws(CommandFailure) -> JSONValue {
        let id = nextID
        nextID += 1
        let deadline = ContinuousClock.now + .seconds(timeoutSeconds)
        guard connection.send(RPCRequest.line(id: id, method: method, writeParams: writeParams)) else {
            throw .closed(path: path)
        }
        while true {
            switch try message(answer(before: deadline)) {
            case .result(.number(String(id)), let value): return value
            case .failure(_, let error): throw .refused(method: method, error)
            default: continue
            }
        }
    }

    /// Has an open file classified; its records come as the daemon makes them, however long that takes.
    ///
    /// - Throws: ``CommandFailure``, and what `tell` throws.
    func classify(
        _ file: Int32, _ parameters: ClassifyParameters, tell: (BatchRecord) throws -> Void
    ) throws {
        let id = nextID
        nextID += 1
        let line = RPCRequest.line(id: id, method: "classify") { parameters.writeMembers(to: &$0) }
        guard connection.send(line, with: file) else { throw CommandFailure.closed(path: path) }
        while true {
            guard case .object(let object) = try next(withinMilliseconds: 60_000) else { continue }
            if object["method"] == .string("window"), case .object(let params)? = object.members["params"] {
                try tell(understand(params) { json throws(JSONError) in try BatchRecord(json) })
                continue
            }
            switch try message(object) {
            case .result(.number(String(id)), _): return
            case .failure(_, let error): throw CommandFailure.refused(method: "classify", error)
            default: continue
            }
        }
    }

    /// The reply to a request, as an object.
    func object(
        _ method: String, writeParams: ((inout JSONWriter) -> Void)? = nil
    ) throws(CommandFailure) -> JSONObject {
        guard case .object(let object) = try request(method, writeParams: writeParams) else {
            throw .notUnderstood(path: path, reason: "the reply to \(method) is no object")
        }
        return object
    }

    /// What `read` makes of a reply.
    func understand<Reply>(
        _ object: JSONObject, _ read: (JSONObject) throws(JSONError) -> Reply
    ) throws(CommandFailure) -> Reply {
        do throws(JSONError) {
            return try read(object)
        } catch {
            throw .notUnderstood(path: path, reason: "\(error)")
        }
    }

    /// The next line of the daemon as an object.
    ///
    /// - Throws: ``CommandFailure`` `.closed` or `.notUnderstood`.
    func next(withinMilliseconds limit: Int) throws(CommandFailure) -> Next {
        if lines.isEmpty {
            switch connection.receive(withinMilliseconds: limit) {
            case .nothing: return .nothing
            case .closed: throw .closed(path: path)
            case .bytes(let bytes):
                for case .line(let line) in framer.append(bytes) { lines.append(line) }
            }
        }
        guard let line = lines.popFirst() else { return .nothing }
        return .object(try understand(line))
    }

    /// The next record of a subscription; nil when none came in time, or one that this version does not know.
    func nextRecord(withinMilliseconds limit: Int) throws(CommandFailure) -> LiveRecord? {
        guard case .object(let object) = try next(withinMilliseconds: limit),
            case .object(let params)? = object.members["params"]
        else { return nil }
        return try? LiveRecord(params)
    }

    private func understand(_ line: [UInt8]) throws(CommandFailure) -> JSONObject {
        do throws(JSONError) {
            return try JSONObject(parsing: line)
        } catch {
            throw .notUnderstood(path: path, reason: "\(error)")
        }
    }

    private func answer(before deadline: ContinuousClock.Instant) throws(CommandFailure) -> JSONObject {
        while true {
            let left = (deadline - .now) / .milliseconds(1)
            guard left > 0 else { throw .timeout(path: path, seconds: timeoutSeconds) }
            if case .object(let object) = try next(withinMilliseconds: Int(left.rounded(.up))) {
                return object
            }
        }
    }

    /// nil for a record that this version does not know.
    private func message(_ object: JSONObject) throws(CommandFailure) -> RPCMessage? {
        do throws(JSONError) {
            return try RPCMessage(object)
        } catch {
            if case .unknownValue(field: "type", _) = error { return nil }
            throw .notUnderstood(path: path, reason: "\(error)")
        }
    }
}
