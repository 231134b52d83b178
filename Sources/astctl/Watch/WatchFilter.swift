import Wire

/// Which labels `watch` shows.
struct WatchFilter: Equatable {
    var topK: Int?
    var minScore: Float?
    var labels: Set<String>?

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
        SubscribeParameters(kinds: kinds, labels: labels, minScore: minScore, topK: topK)
    }

    /// For a screen: every prediction is needed for its level and time, with all labels that may be shown.
    var screenParameters: SubscribeParameters {
        SubscribeParameters(topK: labels == nil ? topK ?? Self.screenLabels : Self.allLabels)
    }

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
