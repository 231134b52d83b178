internal import Inference
internal import Recognizer
internal import Wire

extension LoadedAdapters {
    /// What `status`, `hello`, `labels` and `adapter.list` report; available while a change is in progress.
    struct Snapshot: Sendable {
        /// The variants that classify, of all sources, in order.
        var active: [ActiveVariant]
        /// The same by source.
        var sets: VariantSets
        var list: AdapterList
        /// Labels by adapter name; the base model's under ``AdapterName/base``.
        var labels: [String: [String]]
    }

    struct ActiveVariant: Sendable {
        var adapter: String?
        /// With the groups of the settings.
        var labels: [String]
        /// The number of labels without groups.
        var classes: Int
        var activation: ActivationChoice
        var windowSeconds: Double
        /// Of the variant's network: fp32 where int8 would have changed the scores too much.
        var precision: String
        /// How far int8 differs from fp32 for this network; `nil` where it was not compared.
        var precisionCheck: String?
    }

    /// Why a change was refused.
    enum Refusal: Error, CustomStringConvertible {
        case message(String)
        case unknown(String, known: [String])
        case active(String)
        case model(ModelError)
        case engine(EngineError)

        var description: String {
            switch self {
            case .message(let message): message
            case .unknown(let name, let known):
                "no adapter \(name) is loaded; loaded: \((known + [AdapterName.base]).joined(separator: ", "))"
            case .active(let name): "adapter \(name) is in use; switch to another one first"
            case .model(let error): error.description
            case .engine(.stopped): RPCError.stopping.message
            case .engine(let error): error.description
            }
        }
    }
}
