internal import NIOCore
private import TextSupport

/// Sends messages to every client of `/api/live`, and keeps the newest events for those that return.
///
/// Threading: event loop only.
final class LiveHub {
    private let limits: PageLimits
    /// Part of the ids of events, which count from 1 again when the gateway restarts.
    private let run: String
    private var clients: [ObjectIdentifier: LiveClient] = [:]
    private var events = CircularBuffer<(number: UInt64, daemon: String?, bytes: ByteBuffer)>()
    private var lastNumber: UInt64 = 0
    private var lastBeat = NIODeadline.now()
    /// Messages that clients missed because they read too slowly.
    private(set) var dropped: UInt64 = 0
    /// Clients that were closed because they did not read.
    private(set) var closed: UInt64 = 0

    init(_ limits: PageLimits, run: String) { (self.limits, self.run) = (limits, run) }

    var count: Int { clients.count }
    var isFull: Bool { clients.count >= limits.liveClients }

    func publish(_ message: LiveMessage) {
        if message.kind == .spectrum { return publishNow(message) }
        var id: String?
        if message.kind == .event {
            lastNumber += 1
            id = "\(run)-\(lastNumber)"
        }
        let bytes = message.bytes(id: id)
        if id != nil {
            events.append((lastNumber, message.daemon, bytes))
            if events.count > limits.keptEvents { events.removeFirst() }
        }
        for client in clients.values where client.wants(message) {
            if !client.send(bytes) { dropped += 1 }
        }
    }

    private func publishNow(_ message: LiveMessage) {
        let receivers = clients.values.filter { $0.wants(message) }
        guard !receivers.isEmpty else { return }
        let bytes = message.bytes()
        for client in receivers { client.sendNow(bytes) }
    }

    /// - Parameter state: What a new client receives first.
    func add(_ client: LiveClient, state: [LiveMessage]) {
        client.open(ByteBuffer(string: "retry: 2000\n\n"))
        for message in state where client.wants(message.daemon) { client.open(message.bytes()) }
        if client.request.lastID.map({ resume(client, after: $0) }) != true {
            // Its position, should it return before the next event.
            client.open(ByteBuffer(string: "id: \(run)-\(lastNumber)\n\n"))
        }
        clients[ObjectIdentifier(client)] = client
    }

    /// - Returns: Whether the id is one of this run.
    private func resume(_ client: LiveClient, after id: String) -> Bool {
        let parts = id.split(separator: "-")
        guard parts.count == 2, parts[0] == run, let number = UInt64(parts[1]), number <= lastNumber else {
            // Of an earlier run of the gateway: nobody knows how many.
            let lost = LiveMessage(.lost, of: nil) { $0.member("count", nil as Int?) }
            client.open(lost.bytes())
            return false
        }
        let first = events.first?.number ?? lastNumber + 1
        if number + 1 < first {
            let lost = LiveMessage(.lost, of: nil) { $0.member("count", first - number - 1) }
            client.open(lost.bytes())
        }
        for event in events where event.number > number && client.wants(event.daemon) {
            client.open(event.bytes)
        }
        return true
    }

    func remove(_ client: LiveClient) { clients[ObjectIdentifier(client)] = nil }

    /// Called every second or so: closes clients that do not read, and sends heart beats.
    func tick() {
        let now = NIODeadline.now()
        let stall = TimeAmount.nanoseconds(Int64(limits.stallSeconds * 1e9))
        for client in clients.values {
            if let since = client.blockedSince, now - since > stall {
                closed += 1
                client.reset()
            }
        }
        guard now - lastBeat >= .nanoseconds(Int64(limits.heartbeatSeconds * 1e9)) else { return }
        lastBeat = now
        for client in clients.values { client.beat() }
    }
}
