private import Glibc

/// Where the page is served: an address of this machine, and a port.
struct PageAddress: Equatable, Sendable {
    /// An IPv4 or IPv6 address.
    var host: String
    /// 0: any free port.
    var port: Int

    /// Reads `127.0.0.1:8717`, `[::1]:8717` or `localhost:8717`; nil for any other text.
    init?(_ text: String) {
        guard let (host, port) = HostName.split(text), let port else { return nil }
        self.host = host == "localhost" ? "127.0.0.1" : host
        self.port = port
        guard HostName.isAddress(self.host) else { return nil }
    }

    /// Whether only programs on this machine reach it.
    var isLoopback: Bool { host.hasPrefix("127.") || host == "::1" }
}

/// Hosts as they are written in URLs and in the headers `Host` and `Origin`.
enum HostName {
    /// The host, without the brackets of an IPv6 address, and the port; nil if the text is not of this form.
    static func split(_ text: String) -> (host: String, port: Int?)? {
        var host = Substring(text)
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard isIPv6(String(host)), rest.isEmpty || rest.hasPrefix(":") else { return nil }
            if !rest.isEmpty { port = rest.dropFirst() }
        } else if let colon = text.firstIndex(of: ":") {
            (host, port) = (text[..<colon], text[text.index(after: colon)...])
        }
        guard !host.isEmpty, host.utf8.count <= 255 else { return nil }
        guard let port else { return (host.lowercased(), nil) }
        guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(port) else {
            return nil
        }
        return (host.lowercased(), Int(number))
    }

    /// Whether it is an address, which no one can make another machine's name for.
    static func isAddress(_ host: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, host, &address) == 1 || isIPv6(host)
    }

    private static func isIPv6(_ host: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET6, host, &address) == 1
    }
}
