import DaemonClient
import TextSupport
import Wire

/// Which labels `watch` shows.
struct WatchFilter: Equatable {
    var topK: Int?
    var minScore: Float?
    var labels: Set<String>?
    /// The only source to show; nil for all.
    var source: String?

    /// The labels that the values of `--labels` name; nil for all. A value that is a label is that label,
    /// also with commas in it. Warns on standard error about names that no active variant has: a typing
    /// error, or an adapter that is used later.
    static func labels(_ values: [String], _ client: ControlClient) throws -> Set<String>? {
        if values.isEmpty { return nil }
        var known: Set<String> = []
        for adapter in client.hello.adapters {
            let reply = try client.object(.labels) { $0.member("adapter", adapter) }
            known.formUnion(
                try client.decode(reply) { json throws(JSONError) in try LabelList(json) }.labels)
        }
        let names = Set(values.flatMap { known.contains($0) ? [$0] : Self.names($0) })
        for name in names.subtracting(known).sorted() {
            let near = NearMiss.of(name, among: known.sorted()).map { "; did you mean '\($0)'?" } ?? ""
            try Output.standardError.write(
                Text.printable("astctl: no active model or adapter has a label '\(name)'\(near)") + "\n")
        }
        return names
    }

    /// The names in one value of `--labels`. A value that ends in a comma is one name, without that comma.
    static func names(_ value: String) -> [String] {
        if value.hasSuffix(",") { return [String(value.dropLast())] }
        return value.split(separator: ",").map { name in
            String(name.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }

    /// For a pipe: the daemon filters.
    ///
    /// - Parameter kinds: Kinds of records; nil for all.
    func parameters(_ kinds: Set<LiveRecord.Kind>?) -> SubscribeParameters {
        SubscribeParameters(kinds: kinds, sources: sources, labels: labels, minScore: minScore, topK: topK)
    }

    /// For a screen: every prediction is needed for its level and time, with all labels that may be shown.
    var screenParameters: SubscribeParameters {
        SubscribeParameters(
            sources: sources, topK: labels == nil ? topK ?? Self.screenLabels : Self.allLabels)
    }

    /// For a subscription.
    var sources: Set<String>? { source.map { [$0] } }

    /// The labels of a prediction to show on the screen.
    func select(_ scores: [ScoredLabel]) -> [ScoredLabel] {
        Array(scores.filter(accepts).prefix(limit))
    }

    func accepts(_ entry: ScoredLabel) -> Bool {
        (labels?.contains(entry.label) ?? true) && (minScore.map { entry.score >= $0 } ?? true)
    }

    /// Maximum number of labels on the screen.
    var limit: Int { topK ?? Self.screenLabels }

    private static let screenLabels = 10
    private static let allLabels = 1_000_000
}
