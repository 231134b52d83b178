public import TextSupport

/// The reply to `subscribe` and `unsubscribe`.
public struct SubscribeReply: Sendable, Equatable {
    public var isSubscribed: Bool
    /// What a client receives that named `since_seq`; nil for others.
    public var resumption: Resumption?
    /// Doubts about the parameters, for people.
    public var warnings: [String]

    /// How a subscription continues an earlier one.
    public struct Resumption: Sendable, Equatable {
        /// The daemon's run.
        public var run: RunID
        /// Whether the client's `since_seq` is of this run. Otherwise the daemon has restarted, and the
        /// records of this run follow from its begin.
        public var isSameRun: Bool
        /// Predictions of this run after `since_seq` that the daemon does not hold any more.
        public var missedPredictions: UInt64
        /// Whether the daemon no longer holds all events of this run after `since_seq`.
        public var hasMissedEvents: Bool

        public init(run: RunID, isSameRun: Bool, missedPredictions: UInt64, hasMissedEvents: Bool) {
            self.run = run
            self.isSameRun = isSameRun
            self.missedPredictions = missedPredictions
            self.hasMissedEvents = hasMissedEvents
        }
    }

    public init(isSubscribed: Bool, resumption: Resumption? = nil, warnings: [String] = []) {
        self.isSubscribed = isSubscribed
        self.resumption = resumption
        self.warnings = warnings
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        isSubscribed = try json.bool("subscribed") ?? false
        if let isSameRun = try json.bool("same_run") {
            resumption = Resumption(
                run: RunID(try json.requiredString("run")), isSameRun: isSameRun,
                missedPredictions: try json.requiredInteger("missed_predictions", as: UInt64.self),
                hasMissedEvents: try json.bool("missed_events") ?? false)
        }
        warnings = try json.strings("warnings") ?? []
    }
}

extension SubscribeReply: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("subscribed", isSubscribed)
        if let resumption {
            json.member("run", resumption.run.text)
            json.member("same_run", resumption.isSameRun)
            json.member("missed_predictions", resumption.missedPredictions)
            json.member("missed_events", resumption.hasMissedEvents)
        }
        if !warnings.isEmpty { json.member("warnings", strings: warnings) }
    }
}
