/// The row of ``AdapterMethods``. A method of PETL_AST changes no matrix of the base, so it has no modules to
/// merge: all its tensors are whole, those of the base and its own (``PETLTensors``).
extension PETLConfig: AdapterMethod {
    static let keys = AdapterConfigKeys()
    static let parameters: Set<String> = []

    /// ``init(_:)`` checks them: they depend on the method.
    static func checkKeys(_ file: ConfigFile) {}

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        throw .unmatchedTensor(path: module.adapter.file.path, tensor: module.tensors.example)
    }

    var title: String {
        switch method {
        case .linear: "linear probing"
        case .bitFit: "BitFit"
        case .prefixTuning: "prefix tuning"
        case .promptTuning(let isDeep): isDeep ? "deep prompt tuning" : "shallow prompt tuning"
        case .adapter(let block, let architecture, let mode, let appliesResidual):
            "\(mode) \(architecture.title) adapters, \(block)" + (appliesResidual ? ", with residual" : "")
        case .adapterAblation(let block, let mode, let location, let position):
            "\(mode) adapters \(position) \(location.title), \(block)"
        case .denseMoA(let block, let architecture, let location):
            "Dense-MoA, \(architecture.title)\(Self.place(location)), \(block)"
        case .softMoA(let block, let architecture, let location, let normalises):
            "Soft-MoA, \(architecture.title)\(Self.place(location)), \(block)"
                + (normalises ? ", normalised" : "")
        }
    }

    private static func place(_ location: Location?) -> String {
        location.map { " beside \($0.title)" } ?? ""
    }

    /// Whether a tensor, by its canonical name, is none of a base's.
    static func isOwn(_ name: String) -> Bool {
        let part = CheckpointNames.withoutLayer(name)
        return name.hasSuffix("_tokens") || part.hasSuffix("prompt_embeddings")
            || ["adapter_module", "moa", "router"].contains { part.hasPrefix($0) }
    }
}

extension PETLConfig.Architecture {
    fileprivate var title: String {
        switch self {
        case .pfeiffer: "Pfeiffer"
        case .houlsby: "Houlsby"
        }
    }
}

extension PETLConfig.Location {
    fileprivate var title: String {
        switch self {
        case .mhsa: "attention"
        case .ffn: "MLP"
        }
    }
}
