/// Where a broker listens: `mqtt://HOST[:PORT]`, or `mqtts://` for TLS. A host may be an IPv6
/// address in brackets.
struct BrokerAddress: Equatable, Sendable {
    let host: String
    let port: Int32
    let usesTLS: Bool

    /// - Returns: nil for another form, also for an address with a user or a path.
    init?(_ url: String) {
        guard let scheme = url.firstRange(of: "://") else { return nil }
        switch url[..<scheme.lowerBound] {
        case "mqtt": usesTLS = false
        case "mqtts": usesTLS = true
        default: return nil
        }
        var rest = url[scheme.upperBound...]
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        var text: Substring?
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
            host = String(rest[rest.index(after: rest.startIndex)..<end])
            let tail = rest[rest.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { return nil }
            text = tail.isEmpty ? nil : tail.dropFirst()
        } else {
            let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2, let first = parts.first else { return nil }
            host = String(first)
            text = parts.count == 2 ? parts[1] : nil
        }
        guard !host.isEmpty, !host.contains(where: { "/@?#".contains($0) || $0.isWhitespace }) else {
            return nil
        }
        guard let text else {
            port = usesTLS ? 8883 : 1883
            return
        }
        guard let number = Int32(text), (1...65_535).contains(number) else { return nil }
        port = number
    }
}

extension BrokerAddress: CustomStringConvertible {
    /// The host and the port.
    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
