import Glibc
import Synchronization
import TestSupport
import TextSupport
import Wire

/// A client of either socket that waits for records without blocking a thread of the test.
final class RecordClient {
    private let socket: ClientSocket
    private var framer = LineFramer(maximumLineBytes: 1 << 20)
    private var records: ArraySlice<LiveRecord> = []
    private var objects: ArraySlice<JSONObject> = []
    private var isClosed = false
    private var replies = 0

    /// - Parameters:
    ///   - path: `events.sock`, or `astd.sock` for a client that sends requests.
    ///   - readsAhead: Whether the socket is read at once, however busy the test is. Without it, only when
    ///     the test asks for the next object.
    init(_ path: String, readsAhead: Bool = true) throws {
        socket = try ClientSocket(path, readsAhead: readsAhead)
    }

    /// Subscribes on `astd.sock` to all records with the scores of all labels, and to the recorded history.
    func subscribeToEverything() throws { try send("subscribe", #"{"top_k":1000,"since_seq":0}"#) }

    /// Sends a request to `astd.sock` and waits for its reply; for a client with one request at a time.
    func ask(_ method: String, _ params: String) async throws {
        let expected = replies + 1
        try send(method, params)
        try await eventually("the reply to \(method)") {
            try receiveRecords()
            return replies >= expected ? true : nil
        }
    }

    /// Requests the classification of a file, and passes these open files with the request.
    func askToClassify(_ params: String = "{}", files: [Int32]) throws {
        try send("classify", params, files: files)
    }

    /// Whether bytes have arrived that were not read yet; for a client that does not read ahead.
    var hasReceived: Bool {
        var entry = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) > 0
    }

    /// Sends a request; ``nextObject()`` returns its reply.
    func send(_ method: String, _ params: String = "{}", files: [Int32] = []) throws {
        let request =
            Array(#"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":\#(params)}"#.utf8) + [0x0A]
        guard sendWithFiles(socket.descriptor, request, files) == request.count else {
            throw TestFailure("cannot send \(method): errno \(errno)")
        }
    }

    /// The daemon's status; for a client that is not subscribed.
    func status() async throws -> StatusReport {
        try send("status", "{}")
        while true {
            // The first line is the greeting.
            if let result = try await nextObject().object("result") { return try StatusReport(result) }
        }
    }

    /// The next line as an object, without the records of the current state after hello; for a client that is
    /// not subscribed.
    func nextObject() async throws -> JSONObject {
        try await eventually("the next line") {
            if let object = objects.popFirst() { return object }
            let (bytes, isClosed) = try socket.received()
            objects += try framer.append(bytes).map { try JSONObject(parsing: Self.line($0)) }
                .filter { try $0["id"] != nil || LiveRecord.Kind(rawValue: $0.string("method") ?? "") == nil }
            if let object = objects.popFirst() { return object }
            if isClosed { throw TestFailure("the daemon closed the connection") }
            return nil
        }
    }

    /// The next record; `nil` when the daemon has closed the connection.
    func next() async throws -> LiveRecord? {
        try await eventually("the next record") {
            try receiveRecords()
            if let record = records.popFirst() { return .some(record) }
            return isClosed ? .some(nil) : nil
        }
    }

    /// The first record that `pick` accepts; those before it are dropped.
    ///
    /// - Throws: ``TestFailure`` when the daemon closes the connection before, or after ``waitLimitSeconds``.
    func next<Record>(
        _ what: String = "the awaited record", _ pick: (LiveRecord) throws -> Record?
    ) async throws -> Record {
        var dropped = 0
        var last: LiveRecord?
        return try await eventually(what) {
            try receiveRecords()
            while let record = records.popFirst() {
                if let picked = try pick(record) { return picked }
                dropped += 1
                last = record
            }
            if isClosed { throw TestFailure("the daemon closed the connection before \(what)") }
            return nil
        } otherwise: {
            "\(dropped) other records, last \(last.map { "\($0)" } ?? "none")"
        }
    }

    func nextPrediction() async throws -> Prediction { try await next("a prediction") { $0.prediction } }

    /// All records up to the end of the stream.
    func rest() async throws -> [LiveRecord] {
        var all: [LiveRecord] = []
        while let record = try await next() { all.append(record) }
        return all
    }

    private func receiveRecords() throws {
        let (bytes, isClosed) = try socket.received()
        for item in framer.append(bytes) {
            switch try RPCMessage(line: Self.line(item)) {
            case .record(let record), .notification(let record): records.append(record)
            case .result: replies += 1
            case .failure(_, let error): throw TestFailure("the daemon refused: \(error.message)")
            }
        }
        if isClosed { self.isClosed = true }
    }

    private static func line(_ item: LineFramer.Item) throws -> [UInt8] {
        guard case .line(let line) = item else { throw TestFailure("a line of more than 1 MiB") }
        return line
    }
}

/// A connected Unix socket, read on a thread of its own where it reads ahead.
private final class ClientSocket {
    let descriptor: Int32
    private let inbox = Inbox()
    private let reader: TestThread?

    private final class Inbox: Sendable {
        let received = Mutex((bytes: [UInt8](), isClosed: false))

        func receive(_ descriptor: Int32, flags: Int32) {
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                let count = recv(descriptor, &buffer, buffer.count, flags)
                if count < 0 && errno == EINTR { continue }
                if count < 0 && errno == EAGAIN { return }
                received.withLock { inbox in
                    if count > 0 { inbox.bytes += buffer[..<count] } else { inbox.isClosed = true }
                }
                if count <= 0 { return }
            }
        }
    }

    init(_ path: String, readsAhead: Bool) throws {
        let opened = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        descriptor = opened
        let error = withSocketAddress(path, { connect(opened, $0, $1) }) == 0 ? 0 : errno
        let inbox = inbox
        reader = error == 0 && readsAhead ? TestThread { inbox.receive(opened, flags: 0) } : nil
        guard error == 0 else { throw TestFailure("nobody answers at \(path): errno \(error)") }
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        reader?.join()
        close(descriptor)
    }

    /// The bytes that came since the last call, and whether the daemon has closed the connection.
    func received() throws -> (bytes: [UInt8], isClosed: Bool) {
        if reader == nil { inbox.receive(descriptor, flags: Int32(MSG_DONTWAIT)) }
        return inbox.received.withLock { inbox in
            defer { inbox.bytes = [] }
            return inbox
        }
    }
}

extension LiveRecord {
    var prediction: Prediction? { if case .prediction(let record) = self { record } else { nil } }
    var isAdapter: Bool { if case .adapter = self { true } else { false } }
    var gap: Gap? { if case .gap(let record) = self { record } else { nil } }
    var event: EventRecord? { if case .event(let record) = self { record } else { nil } }
    var source: SourceRecord? { if case .source(let record) = self { record } else { nil } }
}

extension Prediction {
    var scores: [Float] { labels.scores }
}

extension [ScoredLabel] {
    /// The scores in the order of the model's labels.
    var scores: [Float] { sorted { $0.index < $1.index }.map(\.score) }
}
