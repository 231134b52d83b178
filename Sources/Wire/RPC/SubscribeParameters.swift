public import TextSupport

/// The parameters of `subscribe`: which records a subscriber receives. A parameter that is nil does not
/// filter.
public struct SubscribeParameters: Sendable, Hashable {
    /// Names in `params`.
    static let names = ["types", "sources", "labels", "min_score", "top_k", "run", "since_seq"]

    /// Kinds of records. `lost` is always sent.
    public let kinds: Set<LiveRecord.Kind>?
    /// Names of sources.
    public let sources: Set<String>?
    /// Names of labels, spelled as in the model.
    public let labels: Set<String>?
    /// Lowest score of a label in a prediction.
    public let minScore: Float?
    /// Maximum number of labels in a prediction.
    public let topK: Int?
    /// The run that ``sinceSeq`` belongs to; nil when the client does not know it.
    public let run: RunID?
    /// The last prediction that the client has; later records that the daemon still holds are sent first.
    public let sinceSeq: UInt64?

    public init(
        kinds: Set<LiveRecord.Kind>? = nil, sources: Set<String>? = nil, labels: Set<String>? = nil,
        minScore: Float? = nil, topK: Int? = nil, run: RunID? = nil, sinceSeq: UInt64? = nil
    ) {
        self.kinds = kinds
        self.sources = sources
        self.labels = labels
        self.minScore = minScore
        self.topK = topK
        self.run = run
        self.sinceSeq = sinceSeq
    }

    /// Reads the `params` of `subscribe`.
    ///
    /// - Throws: ``JSONError`` for a parameter that is unknown, of another type or out of range.
    public init(_ json: JSONObject) throws(JSONError) {
        try RPCMethod.subscribe.checkNames(of: json)
        var kinds: Set<LiveRecord.Kind>?
        if let words = try json.strings("types") {
            if words.isEmpty { throw Self.empty("types") }
            var named: Set<LiveRecord.Kind> = []
            for word in words {
                guard let kind = LiveRecord.Kind(rawValue: word), kind != .hello else {
                    let allowed = LiveRecord.Kind.allCases.filter { $0 != .hello }.map(\.rawValue)
                    throw .wrongType(
                        field: "types", expected: "an array of \(allowed.joined(separator: ", "))")
                }
                named.insert(kind)
            }
            kinds = named
        }
        self.kinds = kinds
        sources = try json.strings("sources").map { Set($0) }
        if sources?.isEmpty == true { throw Self.empty("sources") }
        labels = try json.strings("labels").map { Set($0) }
        if labels?.isEmpty == true { throw Self.empty("labels") }
        minScore = try json.float("min_score")
        topK = try json.integer("top_k", as: Int.self)
        run = try json.string("run").map { RunID($0) }
        sinceSeq = try json.integer("since_seq", as: UInt64.self)
        if run != nil && sinceSeq == nil {
            throw .wrongType(field: "since_seq", expected: "a number beside `run`; 0 for all records")
        }
        if let topK, topK < 1 { throw .wrongType(field: "top_k", expected: "1 or more") }
    }

    /// An empty array would select nothing.
    private static func empty(_ name: String) -> JSONError {
        .wrongType(
            field: name, expected: "an array with at least one element; without `\(name)`, all are sent")
    }

    /// The same filter, for a client that continues after an interruption.
    ///
    /// - Parameter seq: The last prediction of that run that the client has.
    public func resuming(run: RunID, after seq: UInt64) -> SubscribeParameters {
        SubscribeParameters(
            kinds: kinds, sources: sources, labels: labels, minScore: minScore, topK: topK, run: run,
            sinceSeq: seq)
    }
}

extension SubscribeParameters: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let kinds { json.member("types", strings: kinds.map(\.rawValue).sorted()) }
        if let sources { json.member("sources", strings: sources.sorted()) }
        if let labels { json.member("labels", strings: labels.sorted()) }
        if let minScore { json.member("min_score", minScore) }
        if let topK { json.member("top_k", topK) }
        if let run { json.member("run", run.text) }
        if let sinceSeq { json.member("since_seq", sinceSeq) }
    }
}
