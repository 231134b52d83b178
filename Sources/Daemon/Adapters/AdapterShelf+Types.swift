internal import Inference
internal import Recognizer
internal import Wire

extension AdapterShelf {
    /// What `status`, `hello`, `labels` and `adapter.list` tell, without waiting for a change under way.
    struct Snapshot: Sendable {
        /// Of everything that classifies, in order.
        var active: [ActiveVariant]
        /// The same, for those who classify something themselves.
        var variants: [Variant]
        var list: AdapterList
        /// Labels by adapter's name; the base's under ``AdapterName/base``.
        var labels: [String: [String]]
    }

    struct ActiveVariant: Sendable {
        var adapter: String?
        var labels: [String]
        var windowSeconds: Double
    }

    /// Why a change was refused.
    enum Refusal: Error, CustomStringConvertible {
        case name(String)
        case unknown(String, known: [String])
        case active(String)
        case model(ModelError)
        case over

        var description: String {
            switch self {
            case .name(let problem): problem
            case .unknown(let name, let known):
                "no adapter \(name) is loaded (there are: \((known + [AdapterName.base]).joined(separator: ", "))): "
                    + "load it first"
            case .active(let name): "\(name) is in use: use another first"
            case .model(let error): error.description
            case .over: "the daemon listens no more"
            }
        }
    }
}
