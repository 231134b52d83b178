extension AdapterPlan {
    /// The modules of a method of PETL_AST, with the names of its checkpoints; `nil` for a method without
    /// modules in the layers.
    init?(_ method: PETLConfig.Method) {
        switch method {
        case .linear, .bitFit, .prefixTuning, .promptTuning: return nil
        case .adapter(let block, let architecture, let mode, let appliesResidual):
            func half(_ name: String) -> Half {
                Half(name: name, place: mode == .parallel ? .parallel : .after, keepsInput: appliesResidual)
            }
            kind = .single(Block(block))
            attention = architecture == .houlsby ? half("adapter_module_MHSA.") : nil
            mlp = half("adapter_module_FFN.")
        case .adapterAblation(let block, let mode, let location, let position):
            kind = .single(Block(block))
            let half = Half(name: "adapter_module.", mode, position)
            attention = location == .mhsa ? half : nil
            mlp = location == .ffn ? half : nil
        case .denseMoA(let block, _, let location):
            kind = .dense(Block(block))
            (attention, mlp) = Self.mixture(location)
        case .softMoA(let block, _, let location, let normalises):
            kind = .soft(Block(block), isNormalised: normalises)
            (attention, mlp) = Self.mixture(location)
        }
    }

    /// The halves of a mixture; `nil`: both (Houlsby).
    ///
    /// The published code adds the result of a mixture beside attention once more at the end of the layer:
    /// its forward pass uses the variable again.
    private static func mixture(_ location: PETLConfig.Location?) -> (attention: Half?, mlp: Half?) {
        switch location {
        case .mhsa:
            (Half(name: "moa.", router: "router.", place: .parallel, isRepeated: true), nil)
        case .ffn: (nil, Half(name: "moa.", router: "router.", place: .parallel))
        case nil:
            (
                Half(name: "moa_mhsa.", router: "router_mhsa.", place: .parallel),
                Half(name: "moa_ffn.", router: "router_ffn.", place: .parallel)
            )
        }
    }
}

extension AdapterPlan.Half {
    /// A module of the ablation class. Behind its half, "parallel" and "sequential" are the same there.
    fileprivate init(name: String, _ mode: PETLConfig.Mode, _ position: PETLConfig.Position) {
        switch (position, mode) {
        case (.after, _): self.init(name: name, place: .after, keepsInput: true)
        case (.before, .parallel): self.init(name: name, place: .parallel)
        case (.before, .sequential): self.init(name: name, place: .before)
        }
    }
}

extension AdapterPlan.Block {
    fileprivate init(_ block: PETLConfig.Block) {
        switch block {
        case .bottleneck: self = .bottleneck
        case .conformer: self = .conformer
        case .convpass: self = .convpass
        }
    }
}
