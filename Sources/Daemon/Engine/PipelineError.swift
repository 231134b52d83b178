/// Why the pipeline cannot continue.
enum PipelineError: Error, Equatable, CustomStringConvertible {
    /// With the tensor at fault, if it is known.
    case scoresNotFinite(String?)

    var description: String {
        switch self {
        case .scoresNotFinite(let reason):
            "the model produced NaN or infinite scores: \(reason ?? "the input may be corrupt")"
        }
    }
}
