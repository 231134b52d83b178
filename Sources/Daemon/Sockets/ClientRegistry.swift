import CKernels
import NIOCore
import NIOConcurrencyHelpers

/// The connections of one socket, counted and bounded.
final class ClientRegistry: Sendable {
    /// Most connections that are served at a time.
    let limit: Int
    private let channels = NIOLockedValueBox<[ObjectIdentifier: any Channel]>([:])
    /// Most connections since freed memory was given back.
    private let crowd = NIOLockedValueBox(0)
    /// Fewer leave nothing behind that is worth it.
    private static let smallestCrowd = 32

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
                self.forgetCrowd()
            }
        }
        return isAdmitted
    }

    /// What a crowd had queued is freed when it goes; the allocator alone would keep it for the next one.
    private func forgetCrowd() {
        let count = count
        let isGone = crowd.withLockedValue { crowd in
            crowd = max(crowd, count)
            guard crowd >= Self.smallestCrowd, count < crowd / 2 else { return false }
            crowd = count
            return true
        }
        if isGone { ast_return_freed_memory() }
    }
}

/// Sent through a client's pipeline when the server stops: write what is queued, then close.
enum ClientEvent: Sendable {
    case finish
}
