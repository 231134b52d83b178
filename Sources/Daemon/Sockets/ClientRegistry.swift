import NIOCore
import NIOConcurrencyHelpers

/// The connections of one socket, counted and bounded.
final class ClientRegistry: Sendable {
    /// Most connections that are served at a time.
    let limit: Int
    private let channels = NIOLockedValueBox<[ObjectIdentifier: any Channel]>([:])

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { channels.withLockedValue { $0.count } }

    var all: [any Channel] { channels.withLockedValue { Array($0.values) } }

    /// Counts a connection in until it closes; false when there are as many as the limit allows.
    func admit(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isAdmitted = channels.withLockedValue { channels in
            guard channels.count < limit else { return false }
            channels[id] = channel
            return true
        }
        if isAdmitted {
            channel.closeFuture.whenComplete { _ in
                self.channels.withLockedValue { _ = $0.removeValue(forKey: id) }
            }
        }
        return isAdmitted
    }
}

/// Sent through a client's pipeline when the server stops: write what is queued, then close.
enum ClientEvent: Sendable {
    case finish
}
