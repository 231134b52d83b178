import Glibc
import TestSupport
import TextSupport

/// A connection to the page's server that sends whatever it is given.
final class PageClient {
    struct Answer {
        var status = 0
        /// By name in lower case; of several, the last.
        var headers: [String: String] = [:]
        var body: [UInt8] = []

        var text: String { String(decoding: body, as: UTF8.self) }
        var json: JSONObject { get throws { try JSONObject(parsing: body) } }
        /// The word of an error.
        var code: String? { try? json.object("error")?.string("code") }
    }

    private let descriptor: Int32
    private var received: [UInt8] = []
    private(set) var isClosed = false
    /// Whether the server has ended the connection without sending the rest of what it had for this client.
    private(set) var isReset = false

    /// - Parameter receiveBytes: Size of the kernel's buffer, for a client that reads slowly.
    init(port: Int, receiveBytes: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        if var bytes = receiveBytes {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        // SAFETY: sockaddr_in begins with the members of sockaddr; the pointer does not outlive the call.
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw TestFailure("no connection to port \(port): errno \(errno)") }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close(descriptor) }

    /// Sends as much as the server takes.
    ///
    /// - Returns: Whether that is everything.
    @discardableResult
    func send(_ bytes: some Collection<UInt8>) -> Bool {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            // SAFETY: the pointer covers `rest` and does not outlive the call.
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    func send(_ text: String) { send(text.utf8) }

    /// Sends a request with a Host header.
    func send(_ method: String, _ path: String, _ headers: [String] = [], body: String? = nil) {
        var lines = ["\(method) \(path) HTTP/1.1"]
        if !headers.contains(where: { $0.lowercased().hasPrefix("host:") }) {
            lines.append("Host: localhost")
        }
        lines += headers
        if let body {
            lines += ["Content-Type: application/json", "Content-Length: \(body.utf8.count)"]
        }
        send((lines + ["", body ?? ""]).joined(separator: "\r\n"))
    }

    /// Whether something has arrived that was not read.
    var hasInput: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_PEEK)) > 0
    }

    /// Reads what has arrived.
    func receive() {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !isClosed {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                received += buffer[..<count]
            } else if count == 0 || errno != EAGAIN && errno != EINTR {
                isReset = count < 0 && errno == ECONNRESET
                isClosed = true
            } else {
                return
            }
        }
    }

    /// Everything that has arrived and was not returned by ``answer(hasBody:)``, with `\n` for `\r\n`.
    var text: String {
        receive()
        // Swift takes `\r\n` for one character.
        return String(decoding: received.filter { $0 != 0x0D }, as: UTF8.self)
    }

    /// What ``text`` is, which then begins again with what arrives next.
    func takeText() -> String {
        defer { received = [] }
        return text
    }

    /// The next answer.
    func answer(hasBody: Bool = true) async throws -> Answer {
        try await eventually("an answer") {
            receive()
            return parse(hasBody: hasBody)
        } otherwise: {
            "\(isClosed ? "a closed connection with " : "")\(text)"
        }
    }

    func closed() async throws {
        try await eventually("the end of the connection") {
            receive()
            return isClosed ? true : nil
        }
    }

    private func parse(hasBody: Bool) -> Answer? {
        let end = Array("\r\n\r\n".utf8)
        guard let position = received.indices.first(where: { received[$0...].starts(with: end) }) else {
            return nil
        }
        let lines = String(decoding: received[..<position], as: UTF8.self).split(separator: "\r\n")
        var answer = Answer()
        answer.status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            answer.headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        let length = hasBody ? answer.headers["content-length"].flatMap { Int($0) } ?? 0 : 0
        let start = position + end.count
        guard received.count >= start + length else { return nil }
        answer.body = Array(received[start..<(start + length)])
        received = Array(received[(start + length)...])
        return answer
    }
}
