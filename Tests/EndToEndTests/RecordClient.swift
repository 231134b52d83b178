import Glibc
import TestSupport
import Wire

/// A client of either socket that waits for records without blocking a thread.
final class RecordClient {
    private let descriptor: Int32
    private var framer = LineFramer(maximumLineBytes: 1 << 20)
    private var records: ArraySlice<LiveRecord> = []
    private var objects: ArraySlice<JSONObject> = []
    private var isClosed = false
    private var answers = 0

    /// - Parameter path: `events.sock`, or `astd.sock` for a client that subscribes.
    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard withSocketAddress(path, { connect(descriptor, $0, $1) }) == 0 else {
            throw TestFailure("nobody answers at \(path): errno \(errno)")
        }
    }

    deinit { close(descriptor) }

    /// Asks `astd.sock` for every label of every prediction, and for what was said before.
    func subscribeToEverything() throws {
        let params = #"{"top_k":1000,"since_seq":0}"#
        let request =
            Array(#"{"jsonrpc":"2.0","id":1,"method":"subscribe","params":\#(params)}"#.utf8) + [0x0A]
        guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            throw TestFailure("the subscription could not be sent: errno \(errno)")
        }
    }

    /// Asks `astd.sock` for one thing and waits until it is answered; for a client that asks one thing after another.
    func ask(_ method: String, _ params: String) async throws {
        let answered = answers
        let request =
            Array(#"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":\#(params)}"#.utf8) + [0x0A]
        guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            throw TestFailure("\(method) could not be sent: errno \(errno)")
        }
        _ = try await eventually("the answer to \(method)") {
            try fill()
            return answers > answered ? true : nil
        }
    }

    /// Asks for a file to be classified, and sends these open files with it.
    func askToClassify(_ params: String = "{}", files: [Int32]) throws {
        let request =
            Array(#"{"jsonrpc":"2.0","id":1,"method":"classify","params":\#(params)}"#.utf8) + [0x0A]
        guard sendWithFiles(descriptor, request, files) == request.count else {
            throw TestFailure("classify could not be sent: errno \(errno)")
        }
    }

    /// The next line as an object; for a client that gets no records.
    func nextObject() async throws -> JSONObject {
        try await eventually("the next line") {
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count == 0 { throw TestFailure("the daemon closed") }
            if count > 0 { objects += try framer.append(Array(buffer[..<count])).map(Self.object) }
            return objects.popFirst()
        }
    }

    private static func object(_ item: LineFramer.Item) throws -> JSONObject {
        guard case .line(let line) = item else { throw TestFailure("a line of more than 1 MiB") }
        return try JSONObject(parsing: line)
    }

    /// The next record; nil when the daemon has closed.
    func next() async throws -> LiveRecord? {
        try await eventually("the next record") {
            try fill()
            if let record = records.popFirst() { return .some(record) }
            return isClosed ? .some(nil) : nil
        }
    }

    /// The next record of a kind; the others are passed over.
    ///
    /// - Throws: ``TestFailure`` when the daemon closes before.
    func next<Record>(_ pick: (LiveRecord) -> Record?) async throws -> Record {
        while let record = try await next() {
            if let picked = pick(record) { return picked }
        }
        throw TestFailure("the daemon closed before the record that was waited for")
    }

    func nextPrediction() async throws -> Prediction { try await next { $0.prediction } }

    /// Everything up to the end of the stream.
    func rest() async throws -> [LiveRecord] {
        var all: [LiveRecord] = []
        while let record = try await next() { all.append(record) }
        return all
    }

    /// Takes over what the daemon has sent, so that its queue does not fill up.
    func fill() throws {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while !isClosed {
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
            guard count > 0 else {
                isClosed = true
                return
            }
            for item in framer.append(Array(buffer[..<count])) {
                guard case .line(let line) = item else { throw TestFailure("a record of more than 1 MiB") }
                switch try RPCMessage(line: line) {
                case .record(let record), .notification(let record): records.append(record)
                case .result: answers += 1
                case .failure(_, let error): throw TestFailure("the daemon refused: \(error.message)")
                }
            }
        }
    }
}

extension LiveRecord {
    var prediction: Prediction? { if case .prediction(let record) = self { record } else { nil } }
    var isAdapter: Bool { if case .adapter = self { true } else { false } }
    var gap: Gap? { if case .gap(let record) = self { record } else { nil } }
}

extension Prediction {
    var scores: [Float] { labels.scores }
}

extension [ScoredLabel] {
    /// The scores in the order of the model's labels.
    var scores: [Float] { sorted { $0.index < $1.index }.map(\.score) }
}
