internal import TextSupport
import Wire

/// In what form a client gets records, and which.
struct Subscription: Hashable, Sendable {
    /// How a record is written.
    enum Form: Hashable, Sendable {
        /// As it is, for `events.sock`.
        case plain
        /// As a JSON-RPC notification, for `astd.sock`.
        case notification
    }

    let form: Form
    let parameters: SubscribeParameters

    /// Everything, as `events.sock` serves it.
    static let everything = Subscription(form: .plain, parameters: SubscribeParameters())

    /// The line for this client, or nil when it does not want the record.
    ///
    /// - Parameter defaultTopK: Most labels in a prediction for a client that asked for no number of them
    ///   and for no labels by name; nil for all that were published.
    func line(for record: LiveRecord, defaultTopK: Int?) -> [UInt8]? {
        select(record, defaultTopK: defaultTopK).map { form.line($0) }
    }

    /// What is left of the record for this client.
    func select(_ record: LiveRecord, defaultTopK: Int?) -> LiveRecord? {
        if case .lost = record { return record }
        if let kinds = parameters.kinds, !kinds.contains(record.kind) { return nil }
        switch record {
        case .prediction(let prediction):
            return select(prediction, defaultTopK: defaultTopK).map { .prediction($0) }
        case .event(let event):
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
