internal import NIOCore
internal import NIOHTTP1

/// What every request must satisfy before anything else is done with it.
///
/// - `Host` is an address, the machine's own name or one of `http.hosts`: a site whose name is made to point
///   to this machine (DNS rebinding) has another one.
/// - A request that changes something comes from the page itself (`Origin`). ``PageEndpoint`` also demands
///   JSON, which a form of another site cannot send.
/// - With `http.token_file`, it has the token: as a bearer token, or as the password of HTTP's basic
///   authentication, for which browsers ask by themselves.
///
/// A value without I/O.
struct RequestGuard: Sendable {
    private let hosts: Set<String>
    private let token: [UInt8]?
    private var attempts = TokenAttempts()

    /// - Parameters:
    ///   - hosts: Accepted names.
    ///   - token: nil: none is needed.
    init(hosts: [String], token: String?) {
        self.hosts = Set(hosts.map { $0.lowercased() }).union(["localhost"])
        self.token = token.map { Array($0.utf8) }
    }

    /// - Parameters:
    ///   - client: Its address.
    ///   - now: In seconds, from any begin.
    /// - Throws: ``PageRefusal``
    mutating func check(
        _ head: HTTPRequestHead, client: String, now: Double
    ) throws(PageRefusal) -> PageTarget {
        let host = try self.host(of: head)
        try authenticate(head.headers, client: client, now: now)
        guard let target = PageTarget(head.uri) else {
            throw .bad("the path is not valid: it must begin with / and be UTF-8 in %HH form")
        }
        switch head.method {
        case .GET, .HEAD: break
        default: try checkOrigin(head.headers, host: host)
        }
        return target
    }

    private func host(of head: HTTPRequestHead) throws(PageRefusal) -> String {
        let values = head.headers["Host"]
        guard values.count == 1, let (host, _) = HostName.split(values[0]) else {
            throw PageRefusal(.badRequest, "bad_request", "the request needs one Host header")
        }
        // With a final dot, it is the same name.
        let name = host.hasSuffix(".") ? String(host.dropLast()) : host
        guard hosts.contains(name) || HostName.isAddress(host) else {
            throw PageRefusal(
                .forbidden, "forbidden",
                "the host name is not one of this gateway; if it should be, add it to http.hosts")
        }
        return values[0].lowercased()
    }

    /// Programs send no `Origin`; browsers send it with every POST.
    private func checkOrigin(_ headers: HTTPHeaders, host: String) throws(PageRefusal) {
        let origins = headers["Origin"]
        let site = headers["Sec-Fetch-Site"]
        let isSame = origins.allSatisfy { origin in
            ["http://", "https://"].contains { scheme in
                origin.lowercased() == scheme + host
            }
        }
        guard isSame, origins.count <= 1, site.allSatisfy({ ["same-origin", "none"].contains($0) }) else {
            throw PageRefusal(
                .forbidden, "forbidden",
                "the request comes from another site: only the page itself may do this")
        }
    }

    private mutating func authenticate(
        _ headers: HTTPHeaders, client: String, now: Double
    ) throws(PageRefusal) {
        guard let token else { return }
        guard attempts.isAllowed(client, now: now) else {
            throw PageRefusal(
                .tooManyRequests, "too_many_requests", "too many wrong tokens; wait before the next",
                headers: ["Retry-After": "10"])
        }
        let values = headers["Authorization"]
        if values.count == 1, let sent = Self.secret(of: values[0]) {
            if Self.isEqual(sent, token) { return }
            attempts.failed(client, now: now)
        }
        throw PageRefusal(
            .unauthorized, "unauthorized", "the token is missing or wrong",
            headers: ["WWW-Authenticate": "Basic realm=\"astd\", charset=\"UTF-8\""])
    }

    /// The token in `Bearer TOKEN` or `Basic BASE64(user:TOKEN)`.
    private static func secret(of value: String) -> [UInt8]? {
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        let text = parts[1].utf8
        switch parts[0].lowercased() {
        case "bearer": return Array(text)
        case "basic":
            guard let bytes = Base64.decoded(text), let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
                return nil
            }
            return Array(bytes[(colon + 1)...])
        default: return nil
        }
    }

    /// The time depends on the length of `sent` alone, so that nobody can guess the token from it.
    static func isEqual(_ sent: [UInt8], _ token: [UInt8]) -> Bool {
        var difference = sent.count ^ token.count
        for index in sent.indices { difference |= Int(sent[index] ^ token[index % token.count]) }
        return difference == 0
    }
}

/// Counts wrong tokens by address: twenty at once, then one every five seconds.
struct TokenAttempts: Sendable {
    private static let burst = 20.0
    private static let perSecond = 0.2
    private static let maximumClients = 4096

    private var failures: [String: (count: Double, time: Double)] = [:]

    /// Clients with wrong tokens.
    var count: Int { failures.count }

    /// Whether a token of this client is looked at.
    func isAllowed(_ client: String, now: Double) -> Bool {
        guard let (count, time) = failures[client] else { return true }
        return count - (now - time) * Self.perSecond <= Self.burst - 1
    }

    mutating func failed(_ client: String, now: Double) {
        if failures.count >= Self.maximumClients {
            failures = failures.filter { $0.value.count > (now - $0.value.time) * Self.perSecond }
            // All of them have guessed just now: an attack from everywhere, which gains no more from one
            // more.
            if failures.count >= Self.maximumClients { failures = [:] }
        }
        let (count, time) = failures[client] ?? (0, now)
        failures[client] = (max(0, count - (now - time) * Self.perSecond) + 1, now)
    }
}

/// Base64 as in RFC 4648, with padding.
enum Base64 {
    static func decoded(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var (bits, count, padding) = (0, 0, 0)
        for byte in text {
            let value: Int
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = Int(byte) - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = Int(byte) - 71
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = Int(byte) + 4
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            case UInt8(ascii: "="):
                padding += 1
                continue
            default: return nil
            }
            guard padding == 0 else { return nil }
            bits = (bits << 6 | value) & 0xFFFFFF
            count += 1
            if count % 4 != 1 { bytes.append(UInt8(truncatingIfNeeded: bits >> (6 - 2 * ((count - 1) % 4)))) }
        }
        guard padding <= 2, (count + padding) % 4 == 0, count % 4 != 1 else { return nil }
        return bytes
    }
}
