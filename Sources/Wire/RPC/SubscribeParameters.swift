public import TextSupport

/// The parameters of `subscribe`: which records a subscriber receives. A parameter that is nil does not
/// filter.
public struct SubscribeParameters: Sendable, Hashable {
    /// Names in `params`.
    static let names = ["types", "labels", "min_score", "top_k", "since_seq"]

    /// Kinds of records. `lost` is always sent.
    public let kinds: Set<LiveRecord.Kind>?
    /// Names of labels, spelled as in the model.
    public let labels: Set<String>?
    /// Lowest score of a label in a prediction.
    public let minScore: Float?
    /// Maximum number of labels in a prediction.
    public let topK: Int?
    /// The last prediction that the client has; later records that the daemon still holds are sent first.
    public let sinceSeq: UInt64?

    public init(
        kinds: Set<LiveRecord.Kind>? = nil, labels: Set<String>? = nil, minScore: Float? = nil,
        topK: Int? = nil, sinceSeq: UInt64? = nil
    ) {
        self.kinds = kinds
        self.labels = labels
        self.minScore = minScore
        self.topK = topK
        self.sinceSeq = sinceSeq
    }

    /// Reads the `params` of `subscribe`.
    ///
    /// - Throws: ``JSONError`` for a parameter that is unknown, of another type or out of range.
    public init(_ json: JSONObject) throws(JSONError) {
        try RPCMethod.subscribe.checkNames(of: json)
        var kinds: Set<LiveRecord.Kind>?
        if let words = try json.strings("types") {
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
        labels = try json.strings("labels").map { Set($0) }
        minScore = try json.float("min_score")
        topK = try json.integer("top_k", as: Int.self)
        sinceSeq = try json.integer("since_seq", as: UInt64.self)
        if let topK, topK < 1 { throw .wrongType(field: "top_k", expected: "1 or more") }
    }
}

extension SubscribeParameters: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let kinds { json.member("types", strings: kinds.map(\.rawValue).sorted()) }
        if let labels { json.member("labels", strings: labels.sorted()) }
        if let minScore { json.member("min_score", minScore) }
        if let topK { json.member("top_k", topK) }
        if let sinceSeq { json.member("since_seq", sinceSeq) }
    }
}
