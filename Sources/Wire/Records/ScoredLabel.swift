public import TextSupport

/// One label of a model and the score it got.
public struct ScoredLabel: Sendable, Equatable {
    /// Position of the label in the model's output, from 0.
    public let index: Int
    /// The label as the model names it.
    public let label: String
    /// Score after the activation in force, 0…1 unless raw logits were asked for. NaN travels as `null`.
    public let score: Float

    public init(index: Int, label: String, score: Float) {
        self.index = index
        self.label = label
        self.score = score
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        index = try json.requiredInteger("index", as: Int.self)
        label = try json.requiredString("label")
        score = try json.float("score") ?? .nan
    }
}

extension ScoredLabel: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("index", index)
        json.member("label", label)
        json.member("score", score)
    }
}
