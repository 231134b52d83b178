import Inference
import Testing

@Suite struct ActivationChoiceTests {
    private static let audioSet = ["Speech"] + (1..<527).map { "Label \($0)" }

    private static func choice(
        _ requested: Activation?, multiLabel: Bool?, labels: [String] = ["a", "b"]
    ) -> ActivationChoice {
        ActivationChoice(requested: requested, multiLabel: multiLabel, labels: labels)
    }

    @Test(arguments: Activation.allCases, [nil, true, false] as [Bool?])
    func `A requested activation overrides everything else`(requested: Activation, multiLabel: Bool?) {
        for labels in [["a"], Self.audioSet] {
            let choice = Self.choice(requested, multiLabel: multiLabel, labels: labels)
            #expect(choice.activation == requested)
            #expect(choice.reason == "asked for")
        }
    }

    @Test func `Without a request the model's problem type decides, also for AudioSet's labels`() {
        for labels in [["a"], Self.audioSet] {
            let multi = Self.choice(nil, multiLabel: true, labels: labels)
            #expect(multi.activation == .sigmoid)
            #expect(multi.reason == "problem_type is multi_label_classification")
            let single = Self.choice(nil, multiLabel: false, labels: labels)
            #expect(single.activation == .softmax)
            #expect(single.reason == "problem_type is single_label_classification")
        }
    }

    @Test func `AudioSet's labels without a problem type are multi-label`() {
        let choice = Self.choice(nil, multiLabel: nil, labels: Self.audioSet)
        #expect(choice.activation == .sigmoid)
        #expect(choice.reason == "no problem_type, but AudioSet's 527 labels are multi-label")
    }

    @Test func `Other labels without a problem type are single-label`() {
        let others = [
            [], ["Speech", "Music"], ["Music"] + Self.audioSet.dropFirst(), Array(Self.audioSet.dropLast()),
            Self.audioSet + ["More"],
        ]
        for labels in others {
            let choice = Self.choice(nil, multiLabel: nil, labels: labels)
            #expect(choice.activation == .softmax, "\(labels.count) labels")
            #expect(choice.reason == "no problem_type: one label of several, as transformers assumes")
        }
    }

    @Test func `One label without a problem type gives a sigmoid`() {
        let choice = Self.choice(nil, multiLabel: nil, labels: ["Speech"])
        #expect(choice.activation == .sigmoid)
        #expect(choice.text == "sigmoid: no problem_type, and one label, whose softmax would always be 1")
        #expect(choice.isGuessed && !Self.choice(.softmax, multiLabel: nil, labels: ["Speech"]).isGuessed)
    }
}
