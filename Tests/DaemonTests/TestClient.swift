import Dispatch
import Glibc
import TestSupport
import Wire

/// A blocking client of a Unix socket, on a queue of its own so that no test holds up another's tasks.
final class TestClient: Sendable {
    enum Failure: Error {
        case connect(Int32)
        case send(Int32)
        case read(Int32)
    }

    private let descriptor: Int32
    private let queue = DispatchQueue(label: "test client")
    private let reader: Reader

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        reader = Reader(descriptor)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        // SAFETY: sockaddr_un begins with the members of sockaddr; the pointer does not outlive the call.
        let code = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0 else { throw Failure.connect(errno) }
    }

    deinit {
        Glibc.close(descriptor)
    }

    /// Sends bytes; returns how many the socket took without waiting when `isPatient` is false.
    @discardableResult
    func send(_ bytes: [UInt8], isPatient: Bool = true) async throws -> Int {
        try await onQueue { [descriptor] in
            let flags = Int32(MSG_NOSIGNAL) | (isPatient ? 0 : Int32(MSG_DONTWAIT))
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, $0.count, flags)
                }
                if count < 0 && errno == EAGAIN && !isPatient { return sent }
                guard count >= 0 else { throw Failure.send(errno) }
                sent += count
            }
            return sent
        }
    }

    func send(_ line: String) async throws {
        try await send(Array((line + "\n").utf8))
    }

    /// Sends bytes, and open files with the first of them (SCM_RIGHTS).
    func send(_ bytes: [UInt8], files: [Int32]) async throws {
        guard !files.isEmpty, !bytes.isEmpty else {
            try await send(bytes)
            return
        }
        let sent = try await onQueue { [descriptor] in
            sendWithFiles(descriptor, bytes, files)
        }
        guard sent > 0 else { throw Failure.send(errno) }
        try await send(Array(bytes.dropFirst(sent)))
    }

    /// The next line without its `\n`; nil when the server closed.
    ///
    /// Polls, because the server answers on the threads that the tests use: only time in which they get a
    /// turn counts as waiting.
    func line() async throws -> String? {
        let next = try await eventually("the next line of the server") {
            try await onQueue { [reader] in try reader.next() }
        }
        return switch next {
        case .line(let line): line
        case .closed: nil
        }
    }

    func record() async throws -> LiveRecord? {
        guard let line = try await line() else { return nil }
        switch try RPCMessage(line: Array(line.utf8)) {
        case .record(let record), .notification(let record): return record
        default: return nil
        }
    }

    func message() async throws -> RPCMessage? {
        try await line().map { try RPCMessage(line: Array($0.utf8)) }
    }

    /// Sends a request and gives back the reply to it, passing over records.
    func request(_ method: String, _ params: String = "{}", id: Int = 1) async throws -> RPCMessage? {
        try await send(#"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":\#(params)}"#)
        while let line = try await line() {
            let message = try RPCMessage(line: Array(line.utf8))
            switch message {
            case .result, .failure: return message
            default: continue
            }
        }
        return nil
    }

    func shutdownWriting() {
        Glibc.shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Closes both directions at once, whatever is on its way.
    func disconnect() {
        Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
    }

    private func onQueue<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws
        -> Value
    {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try body() }) }
        }
    }
}

// SAFETY: used on its client's serial queue only.
private final class Reader: @unchecked Sendable {
    private let descriptor: Int32
    private var framer = LineFramer(maximumLineBytes: 1 << 20)
    private var lines: ArraySlice<String> = []

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    enum Next: Sendable {
        case line(String)
        case closed
    }

    /// Returns nil when no line is complete yet.
    func next() throws -> Next? {
        while lines.isEmpty {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count == 0 || (count < 0 && errno == ECONNRESET) { return .closed }
            if count < 0 {
                switch errno {
                case EINTR: continue
                case EAGAIN: return nil
                default: throw TestClient.Failure.read(errno)
                }
            }
            for case .line(let line) in framer.append(Array(buffer[..<count])) {
                lines.append(String(decoding: line, as: UTF8.self))
            }
        }
        return lines.popFirst().map { .line($0) }
    }
}
