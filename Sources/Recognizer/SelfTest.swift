private import Frontend
public import Inference

/// Compares this build on this machine with numbers that transformers computed, stage by stage, and its
/// kernels with their reference kernels.
public struct SelfTest {
    public struct Line: Sendable {
        public let name: String
        public let difference: Double
        public let tolerance: Double
        public var holds: Bool { difference <= tolerance }
    }

    /// The directory with the reference: a small model, and `reference.safetensors`.
    let directory: String

    public init(directory: String) { self.directory = directory }

    /// Where the reference is looked for, in order.
    public static let standardPlaces = [
        "models/selftest", "/var/lib/astd/models/selftest", "/usr/share/astd/models/selftest",
    ]

    /// The rounding error to accept for the reference model, whose values are of the order of 1.
    private static func tolerance(_ stage: String, _ precision: Precision) -> Double {
        switch precision {
        case .fp32: 1e-4
        case .bf16: stage == "features" || stage == "embeddings" ? 1e-4 : 0.1
        case .int8: stage == "features" || stage == "embeddings" ? 1e-4 : 0.3
        }
    }

    /// Compares the kernels of a precision with their reference kernels.
    public static func kernels(_ precision: Precision) -> [Line] {
        KernelCheck.all(for: precision).map {
            Line(name: $0.name, difference: $0.difference, tolerance: $0.tolerance)
        }
    }

    /// int8 if this processor has fast kernels for it and they pass, else fp32.
    public static func fastestThatHolds() -> Precision {
        Precision.int8.isFast && kernels(.int8).allSatisfy(\.holds) ? .int8 : .fp32
    }

    /// Compares every stage of the reference model.
    ///
    /// - Throws: ``ModelError``: the reference cannot be read.
    public func stages(_ precision: Precision) throws(ModelError) -> [Line] {
        let reference = try ReferenceArrays(path: directory + "/reference.safetensors")
        let scorer = try WindowScorer(
            [
                VariantMaker(base: try BaseModel(directory: directory, precision: precision), activation: nil)
                    .baseVariant
            ],
            threads: 2)
        let samples = try reference.floats("samples")
        let variant = scorer.variants[0]
        let features = LiveFeatures(for: [variant])
        samples.withUnsafeBufferPointer { features.append($0) }
        let window = features.window(of: variant, from: 0)
        var found = ["features": Array(window)]
        scorer.engine.probe = { stage, values in found[stage.rawValue] = Array(values) }
        _ = scorer.score(variant, features: window)
        scorer.engine.probe = nil
        return try ["features", "embeddings", "block0", "pooled", "logits"].map { stage throws(ModelError) in
            let wanted = try reference.floats(stage)
            let values = found[stage] ?? []
            var difference = values.count == wanted.count ? 0.0 : .infinity
            for (value, want) in zip(values, wanted) {
                let one = abs(Double(value) - Double(want))
                if !(one <= difference) { difference = one }
            }
            return Line(name: stage, difference: difference, tolerance: Self.tolerance(stage, precision))
        }
    }
}
