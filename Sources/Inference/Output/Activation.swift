private import Glibc

/// The function that converts a model's raw scores (logits) to scores.
public enum Activation: String, CaseIterable, Sendable {
    /// For single-label models: the scores sum to 1.
    case softmax
    /// For multi-label models: each score is in 0...1, independent of the others.
    case sigmoid
    /// Keeps the raw scores.
    case none

    /// Replaces logits by scores in place.
    public func apply(_ scores: UnsafeMutableBufferPointer<Float>) {
        switch self {
        case .none: break
        case .sigmoid:
            for index in scores.indices { scores[index] = 1 / (1 + exp(-scores[index])) }
        case .softmax:
            guard let top = scores.max() else { return }
            var sum: Float = 0
            for index in scores.indices {
                scores[index] = exp(scores[index] - top)
                sum += scores[index]
            }
            for index in scores.indices { scores[index] /= sum }
        }
    }
}

/// The activation in use, and the reason for it.
public struct ActivationChoice: Equatable, Sendable {
    public var activation: Activation
    public var reason: String
    /// Whether neither the user nor the model's configuration says it.
    public var isGuessed = false

    /// Chooses the activation: the requested one, else the one that the model's `problem_type` implies, else
    /// the one that its labels suggest.
    ///
    /// - Parameters:
    ///   - requested: `nil` for `auto`.
    ///   - multiLabel: Whether the model's `problem_type` is multi-label; `nil` when it has none.
    ///   - labels: By class index.
    public init(requested: Activation?, multiLabel: Bool?, labels: [String]) {
        if let requested {
            self.init(requested, "asked for")
        } else if let multiLabel {
            self.init(
                multiLabel ? .sigmoid : .softmax,
                "problem_type is \(multiLabel ? "multi" : "single")_label_classification")
        } else {
            if labels.count == 1 {
                self.init(.sigmoid, "no problem_type, and one label, whose softmax would always be 1")
            } else if labels.count == 527, labels.first == "Speech" {
                // AudioSet's own classes: several sounds occur at a time.
                self.init(.sigmoid, "no problem_type, but AudioSet's 527 labels are multi-label")
            } else {
                self.init(.softmax, "no problem_type: one label of several, as transformers assumes")
            }
            isGuessed = true
        }
    }

    private init(_ activation: Activation, _ reason: String) {
        self.activation = activation
        self.reason = reason
    }

    /// Both in one line: `sigmoid: problem_type is multi_label_classification`.
    public var text: String { "\(activation.rawValue): \(reason)" }
}
