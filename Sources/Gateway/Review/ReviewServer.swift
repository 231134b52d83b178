private import Glibc
internal import Logging
internal import SystemSupport
private import TextSupport

/// Takes reviews from members of the gateway's group, on a socket beside the history: the gateway stays the
/// only writer of the database.
///
/// A connection is one line of JSON, a ``ReviewRequest``, and one line as the answer. They are served one
/// after the other; one that is slow is closed after five seconds.
///
/// Threading: ``run(until:)`` blocks its thread.
struct ReviewServer: Sendable {
    private let history: History
    private let logger: Logger
    private let path: String
    private let descriptor: Int32

    private static let limit = Duration.seconds(5)

    /// nil: the socket cannot be created, which is logged.
    init?(_ history: History, path historyPath: String, logger: Logger) {
        (self.history, self.logger) = (history, logger)
        path = ReviewSocket.path(of: historyPath)
        do throws(Refusal) { descriptor = try Self.listen(path) } catch {
            logger.warning(
                "reviews cannot be received", metadata: ["socket": "\(path)", "reason": "\(error.reason)"])
            return nil
        }
    }

    private struct Refusal: Error { let reason: String }

    private static func listen(_ path: String) throws(Refusal) -> Int32 {
        guard let address = UnixAddress(path: path) else {
            throw Refusal(
                reason:
                    "a socket's path has at most \(UnixAddress.maximumPathBytes) bytes: use a shorter history.path"
            )
        }
        func failure() -> Refusal { Refusal(reason: String(cString: strerror(errno))) }
        let descriptor = ReviewSocket.make()
        guard descriptor >= 0 else { throw failure() }
        do throws(Refusal) {
            // The file never has more than these permissions.
            guard fchmod(descriptor, 0o660) == 0 else { throw failure() }
            if address.bind(descriptor) != 0 {
                guard errno == EADDRINUSE else { throw failure() }
                try clear(path, address)
                guard address.bind(descriptor) == 0 else { throw failure() }
            }
            guard chmod(path.systemPath, 0o660) == 0, Glibc.listen(descriptor, 16) == 0 else {
                throw failure()
            }
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    /// Removes the socket of a gateway that was killed.
    private static func clear(_ path: String, _ address: UnixAddress) throws(Refusal) {
        var status = stat()
        guard lstat(path.systemPath, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
            throw Refusal(reason: "it is another file")
        }
        let probe = ReviewSocket.make()
        defer { close(probe) }
        if address.connect(probe) == 0 || errno == EAGAIN {
            throw Refusal(reason: "another gateway has the same history")
        }
        unlink(path.systemPath)
    }

    /// Returns when the gateway stops.
    func run(until stop: ConditionLocked<Bool>) {
        while !stop.change({ $0 }) {
            guard ReviewSocket.wait(descriptor, for: POLLIN, milliseconds: 200) else { continue }
            let client = accept(descriptor, nil, nil)
            guard client >= 0 else { continue }
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            _ = fcntl(client, F_SETFL, O_NONBLOCK)
            answer(client)
            close(client)
        }
        unlink(path.systemPath)
        close(descriptor)
    }

    private func answer(_ client: Int32) {
        guard let line = ReviewSocket.line(from: client, within: Self.limit) else { return }
        let text = JSONText { json in
            json.object { json in
                do throws(Failure) {
                    try review(line).writeMembers(to: &json)
                } catch {
                    json.member("error", error.reason)
                }
            }
        }
        _ = ReviewSocket.send(text.bytes + [0x0A], to: client, within: Self.limit)
    }

    private struct Failure: Error { let reason: String }

    private func review(_ line: [UInt8]) throws(Failure) -> ReviewOutcome {
        let request: ReviewRequest
        do throws(JSONError) { request = try ReviewRequest(JSONObject(parsing: line)) } catch {
            throw Failure(reason: "\(error)")
        }
        do throws(SQLiteError) { return try history.review(request) } catch {
            logger.warning("a review cannot be stored", metadata: ["reason": "\(error)"])
            throw Failure(reason: "the review is not stored: \(error)")
        }
    }
}
