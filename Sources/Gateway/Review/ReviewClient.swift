private import Glibc
private import SystemSupport
private import TextSupport

/// Passes reviews to the gateway that writes a history.
public struct ReviewClient: Sendable {
    private let path: String

    private static let limit = Duration.seconds(15)

    /// - Parameter history: The database's file.
    public init(history: String) { path = ReviewSocket.path(of: history) }

    /// Stores a review of events, some hundred at a time.
    ///
    /// - Parameters:
    ///   - review: nil: removes the review.
    ///   - daemon: Only events of this one.
    /// - Throws: ``HistoryFailure``; what was stored before stays.
    public func review(
        _ ids: [String], daemon: String?, as review: EventReview?
    ) throws(HistoryFailure) -> ReviewOutcome {
        var outcome = ReviewOutcome()
        var rest = ids[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(ReviewRequest.maximumIDs))
            rest = rest.dropFirst(part.count)
            outcome.add(try send(ReviewRequest(ids: part, daemon: daemon, review: review)))
        }
        return outcome
    }

    private func send(_ request: ReviewRequest) throws(HistoryFailure) -> ReviewOutcome {
        guard let address = UnixAddress(path: path) else {
            throw HistoryFailure(description: "\(path) is too long for a socket: use a shorter history.path")
        }
        let descriptor = ReviewSocket.make()
        defer { close(descriptor) }
        let deadline = ContinuousClock.now + Self.limit
        while address.connect(descriptor) != 0 {
            switch errno {
            case EAGAIN where .now < deadline, EINTR: usleep(10_000)
            case EACCES, EPERM:
                throw HistoryFailure(
                    description: "\(path): permission denied: only members of the gateway's group may review")
            case ENOENT, ECONNREFUSED:
                throw HistoryFailure(
                    description: "no gateway answers at \(path): start `astd-gateway run` with these settings"
                )
            default: throw HistoryFailure(description: "\(path): \(String(cString: strerror(errno)))")
            }
        }
        guard ReviewSocket.send(request.encoded(), to: descriptor, within: Self.limit),
            let line = ReviewSocket.line(from: descriptor, within: Self.limit)
        else {
            throw HistoryFailure(
                description:
                    "the gateway at \(path) did not answer; the review may be stored: see `astd-gateway events`"
            )
        }
        let answer: Result<ReviewOutcome, HistoryFailure>
        do throws(JSONError) {
            let json = try JSONObject(parsing: line)
            if let reason = try json.string("error") {
                answer = .failure(HistoryFailure(description: reason))
            } else {
                answer = .success(try ReviewOutcome(json))
            }
        } catch {
            answer = .failure(HistoryFailure(description: "unexpected answer at \(path): \(error)"))
        }
        return try answer.get()
    }
}
