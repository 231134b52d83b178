private import Glibc

/// What turns a model's raw scores into what people read.
public enum Activation: String, CaseIterable, Sendable {
    /// One label of several: the scores sum to 1.
    case softmax
    /// Each label for itself: 0 to 1.
    case sigmoid
    /// The raw scores.
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

/// Which activation is in force, and why.
public struct ActivationChoice: Equatable, Sendable {
    public var activation: Activation
    public var reason: String

    /// What the user asked for, else what the model says, else what its labels suggest.
    ///
    /// - Parameters:
    ///   - requested: `nil` for `auto`.
    ///   - multiLabel: The model's `problem_type`; `nil` when it has none.
    ///   - labels: By class index.
    public init(requested: Activation?, multiLabel: Bool?, labels: [String]) {
        if let requested {
            self.init(requested, "asked for")
        } else if let multiLabel {
            self.init(
                multiLabel ? .sigmoid : .softmax,
                "problem_type is \(multiLabel ? "multi" : "single")_label_classification")
        } else if labels.count == 527, labels.first == "Speech" {
            // AudioSet's own classes: several are heard at a time, whatever the file leaves out.
            self.init(.sigmoid, "no problem_type, but AudioSet's 527 labels are multi-label")
        } else {
            self.init(.softmax, "no problem_type: one label of several, as transformers assumes")
        }
    }

    private init(_ activation: Activation, _ reason: String) {
        self.activation = activation
        self.reason = reason
    }
}
