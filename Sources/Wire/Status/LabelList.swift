public import TextSupport

/// The reply to `labels`: every label of the model, in the order of its output.
public struct LabelList: Sendable, Equatable {
    public let labels: [String]

    public init(labels: [String]) {
        self.labels = labels
    }

    /// - Throws: ``JSONError`` when the member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        guard let labels = try json.strings("labels") else { throw .missing(field: "labels") }
        self.labels = labels
    }
}

extension LabelList: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("labels", strings: labels)
    }
}
