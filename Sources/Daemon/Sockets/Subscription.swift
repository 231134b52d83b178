internal import TextSupport
import Wire

/// Which records a client receives, and in which form.
struct Subscription: Hashable, Sendable {
    enum Form: Hashable, Sendable {
        /// The record alone, for `events.sock`.
        case plain
        /// In a JSON-RPC notification, for `astd.sock`.
        case notification
    }

    let form: Form
    let parameters: SubscribeParameters

    /// The subscription of every client of `events.sock`.
    static let everything = Subscription(form: .plain, parameters: SubscribeParameters())

    /// The line for this client, or nil when its filter drops the record.
    ///
    /// - Parameter defaultTopK: Maximum number of labels in a prediction for a client that set neither
    ///   `top_k` nor `labels`; nil for all.
    func line(for record: LiveRecord, defaultTopK: Int?) -> [UInt8]? {
        select(record, defaultTopK: defaultTopK).map { form.line($0) }
    }

    /// The part of the record that this client receives; nil when its filter drops the record.
    func select(_ record: LiveRecord, defaultTopK: Int?) -> LiveRecord? {
        if case .lost = record { return record }
        // A picture of the sound is sent only to those who ask for it.
        guard parameters.kinds?.contains(record.kind) ?? (record.kind != .spectrum) else { return nil }
        if let sources = parameters.sources, let source = record.sourceName, !sources.contains(source),
            ChannelName.source(of: source).map(sources.contains) != true
        {
            return nil
        }
        switch record {
        case .prediction(let prediction):
            return select(prediction, defaultTopK: defaultTopK).map { .prediction($0) }
        case .event(let event):
            return parameters.labels?.contains(event.label) ?? true ? record : nil
        case .ongoing(let event):
            return parameters.labels?.contains(event.label) ?? true ? record : nil
        default:
            return record
        }
    }

    private func select(_ prediction: Prediction, defaultTopK: Int?) -> Prediction? {
        var labels = prediction.labels
        if let wanted = parameters.labels { labels.removeAll { !wanted.contains($0.label) } }
        if let minScore = parameters.minScore { labels.removeAll { !($0.score >= minScore) } }
        let asksForLabels = parameters.labels != nil || parameters.minScore != nil
        if asksForLabels && labels.isEmpty { return nil }
        let topK = parameters.topK ?? (parameters.labels == nil ? defaultTopK : nil)
        if let topK, labels.count > topK { labels.removeSubrange(topK...) }
        return labels.count == prediction.labels.count ? prediction : prediction.with(labels: labels)
    }
}

extension Subscription.Form {
    func line(_ record: LiveRecord) -> [UInt8] {
        switch self {
        case .plain: record.encoded()
        case .notification: RPCReply.notification(kind: record.kind, record: record.encoded())
        }
    }
}
