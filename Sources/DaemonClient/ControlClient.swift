public import TextSupport
public import Wire

/// A client of `astd.sock`: reads the hello, sends one request at a time, and returns the records of a
/// subscription.
public final class ControlClient {
    public enum Next: Equatable {
        case object(JSONObject)
        /// No line arrived in time, or a signal ended the wait.
        case nothing
    }

    public let path: String
    public private(set) var hello: Hello
    public let timeoutSeconds: Double
    private let connection: UnixConnection
    private var framer = LineFramer(maximumLineBytes: 16 << 20)  // The limit of the protocol is for clients.
    private var lines: ArraySlice<[UInt8]> = []
    private var nextID = 1

    /// Connects and reads the daemon's hello.
    ///
    /// - Throws: ``ClientFailure``.
    public init(path: String, timeoutSeconds: Double) throws(ClientFailure) {
        self.path = path
        self.timeoutSeconds = timeoutSeconds
        connection = try UnixConnection(path: path, timeoutSeconds: timeoutSeconds)
        hello = Hello(run: RunID(""), model: "", adapters: [nil], labels: 0, window: 0, hop: 0)
        let deadline = ContinuousClock.now + .seconds(timeoutSeconds)
        switch try message(answer(before: deadline)) {
        case .record(.hello(let hello)):
            guard hello.protocolVersion == protocolVersion else {
                throw .notUnderstood(
                    path: path,
                    reason: "protocol version \(hello.protocolVersion), expected \(protocolVersion)")
            }
            self.hello = hello
        case .failure(_, let error):
            throw .refused(method: "connect", error)
        default:
            throw .notUnderstood(path: path, reason: "no hello")
        }
    }

    /// The daemon's process, where it is known.
    public var peer: PeerProcess? { connection.peer }

    /// Sends a request; its reply is one of the next lines. A closed connection is noticed there, too.
    public func ask(_ method: RPCMethod) {
        _ = connection.send(RPCRequest.line(id: nextID, method))
        nextID += 1
    }

    /// Sends a request and waits for its reply; records that arrive before it are dropped.
    ///
    /// - Throws: ``ClientFailure``, `.refused` with the daemon's message.
    public func request(
        _ method: RPCMethod, writeParams: ((inout JSONWriter) -> Void)? = nil
    ) throws(ClientFailure) -> JSONValue {
        let id = nextID
        nextID += 1
        let deadline = ContinuousClock.now + .seconds(timeoutSeconds)
        guard connection.send(RPCRequest.line(id: id, method, writeParams: writeParams)) else {
            throw .closed(path: path)
        }
        while true {
            switch try message(answer(before: deadline)) {
            case .result(.number(String(id)), let value): return value
            case .failure(_, let error): throw .refused(method: method.rawValue, error)
            default: continue
            }
        }
    }

    /// Has the daemon classify an open file. There is no timeout.
    ///
    /// - Parameter report: Called with each record as it arrives.
    /// - Throws: ``ClientFailure``, and what `report` throws.
    public func classify(
        _ file: Int32, _ parameters: ClassifyParameters, report: (BatchRecord) throws -> Void
    ) throws -> ClassifyReport {
        let id = nextID
        nextID += 1
        let line = RPCRequest.line(id: id, .classify) { parameters.writeMembers(to: &$0) }
        guard connection.send(line, with: file) else { throw ClientFailure.closed(path: path) }
        while true {
            guard case .object(let object) = try next(withinMilliseconds: 60_000) else { continue }
            if object["method"] == .string("window"), case .object(let params)? = object.members["params"] {
                try report(decode(params) { json throws(JSONError) in try BatchRecord(json) })
                continue
            }
            switch try message(object) {
            case .result(.number(String(id)), .object(let reply)):
                return try decode(reply) { json throws(JSONError) in try ClassifyReport(json) }
            case .failure(_, let error):
                throw ClientFailure.refused(method: RPCMethod.classify.rawValue, error)
            default: continue
            }
        }
    }

    /// The reply to a request, as an object.
    public func object(
        _ method: RPCMethod, writeParams: ((inout JSONWriter) -> Void)? = nil
    ) throws(ClientFailure) -> JSONObject {
        guard case .object(let object) = try request(method, writeParams: writeParams) else {
            throw .notUnderstood(path: path, reason: "the reply to \(method.rawValue) is not an object")
        }
        return object
    }

    /// Decodes a reply.
    public func decode<Reply>(
        _ object: JSONObject, _ read: (JSONObject) throws(JSONError) -> Reply
    ) throws(ClientFailure) -> Reply {
        do throws(JSONError) {
            return try read(object)
        } catch {
            throw .notUnderstood(path: path, reason: "\(error)")
        }
    }

    /// The next line of the daemon as an object.
    ///
    /// - Throws: ``ClientFailure`` `.closed` or `.notUnderstood`.
    public func next(withinMilliseconds limit: Int) throws(ClientFailure) -> Next {
        if lines.isEmpty {
            switch connection.receive(withinMilliseconds: limit) {
            case .nothing: return .nothing
            case .closed: throw .closed(path: path)
            case .bytes(let bytes):
                for case .line(let line) in framer.append(bytes) { lines.append(line) }
            }
        }
        guard let line = lines.popFirst() else { return .nothing }
        return .object(try parse(line))
    }

    private func parse(_ line: [UInt8]) throws(ClientFailure) -> JSONObject {
        do throws(JSONError) {
            return try JSONObject(parsing: line)
        } catch {
            throw .notUnderstood(path: path, reason: "\(error)")
        }
    }

    private func answer(before deadline: ContinuousClock.Instant) throws(ClientFailure) -> JSONObject {
        while true {
            let left = (deadline - .now) / .milliseconds(1)
            guard left > 0 else {
                throw .timeout(path: path, seconds: timeoutSeconds, process: peer)
            }
            if case .object(let object) = try next(withinMilliseconds: Int(left.rounded(.up))) {
                return object
            }
        }
    }

    /// nil for a record of a type that this version does not know.
    private func message(_ object: JSONObject) throws(ClientFailure) -> RPCMessage? {
        do throws(JSONError) {
            return try RPCMessage(object)
        } catch {
            if case .unknownValue(field: "type", _) = error { return nil }
            throw .notUnderstood(path: path, reason: "\(error)")
        }
    }
}
