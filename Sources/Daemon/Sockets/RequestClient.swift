import NIOCore
import TextSupport
import Wire

/// Who asked: its open file, and its ear while the request is worked on.
public struct RequestClient: Sendable {
    private let handler: NIOLoopBound<ControlHandler>

    init(_ handler: NIOLoopBound<ControlHandler>) { self.handler = handler }

    /// The open file that came with this request, or an older one that nobody wanted.
    func takeFile() async -> PassedFiles.Taken {
        let taken = try? await handler.eventLoop.submit { handler.value.takeFile() }.get()
        return taken ?? .none
    }

    /// Sends a notification. Returns when there is room for the next, or nobody who could read it.
    func tell(_ method: String, _ params: some JSONRecord) async {
        let line = RPCReply.notification(method: method, params: params.encoded())
        try? await handler.eventLoop.flatSubmit { handler.value.tell(line) }.get()
    }
}
