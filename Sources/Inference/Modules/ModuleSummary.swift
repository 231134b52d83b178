/// The modules that an adapter adds to the layers, as far as its own files state them.
public struct ModuleSummary: Equatable, Sendable {
    /// `bottleneck`, `conformer` or `convpass`.
    public let block: String
    /// Channels of one module.
    public let width: Int
    /// Taps of a convolution along the tokens.
    public let kernel: Int?
    /// Of a mixture.
    public let experts: Int?
    /// Of a soft mixture, for each expert.
    public let slots: Int?
    /// Where the modules act: `beside attention`, `after the MLP`, ...
    public let places: [String]
    public let layers: Int
    /// Multiplications per token that the modules of all layers add.
    public let multiplications: Int

    /// - Parameter shape: The shape of a tensor in the adapter's file, by canonical name.
    /// - Returns: `nil` when the first module's tensors are not there.
    init?(_ plan: AdapterPlan, shape: (String) -> [Int]?) {
        guard let half = plan.attention ?? plan.mlp else { return nil }
        let first = CheckpointNames.layer(0) + half.name
        let block: AdapterPlan.Block
        let sizes: (experts: Int?, slots: Int?)
        switch plan.kind {
        case .single(let single):
            (block, sizes) = (single, (nil, nil))
        case .dense(let single):
            (block, sizes) = (single, (shape(CheckpointNames.layer(0) + half.router + "ff.bias")?.first, nil))
        case .soft(let single, _):
            guard let slots = shape(first + "slot_params"), slots.count == 3 else { return nil }
            (block, sizes) = (single, (slots[1], slots[2]))
        }
        (experts, slots) = sizes
        let expert = sizes.experts == nil ? first : first + "moa.0."
        let widest =
            switch block {
            case .bottleneck: "linear_downsample.weight"
            case .conformer: "pwise_conv2.weight"
            case .convpass: "adapter_down.weight"
            }
        guard let own = shape(expert + widest), own.count >= 2 else { return nil }
        self.block = "\(block)"
        let hidden: Int
        (width, hidden) = block == .conformer ? (own[1], own[0]) : (own[0], own[1])
        kernel = block == .conformer ? shape(expert + "dwise_conv.weight")?.last : nil
        places = [
            plan.attention.map { Self.text($0.place, "attention") },
            plan.mlp.map { Self.text($0.place, "the MLP") },
        ].compactMap(\.self)
        var layers = 0
        let probe =
            switch plan.kind {
            case .soft: half.name + "slot_params"
            default: String(expert.dropFirst(CheckpointNames.layer(0).count)) + widest
            }
        while shape(CheckpointNames.layer(layers) + probe) != nil { layers += 1 }
        self.layers = layers
        let perModule =
            switch plan.kind {
            case .single: hidden * width * (block == .conformer ? 3 : 2) + width * (kernel ?? 0)
            case .dense: (sizes.experts ?? 0) * hidden * (2 * width + 1)
            case .soft: 3 * hidden * (sizes.experts ?? 0) * (sizes.slots ?? 0)
            }
        multiplications = perModule * layers * places.count
    }

    private static func text(_ place: AdapterPlan.Place, _ sublayer: String) -> String {
        switch place {
        case .parallel: "beside \(sublayer)"
        case .after: "after \(sublayer)"
        case .before: "before \(sublayer)"
        }
    }

    /// One line.
    public var text: String {
        let size = "width \(width)" + (kernel.map { ", kernel \($0)" } ?? "")
        let modules =
            switch (experts, slots) {
            case (let experts?, let slots?):
                "soft mixture of \(experts) \(block) experts of \(size), slots of each: \(slots)"
            case (let experts?, nil): "mixture of \(experts) \(block) experts of \(size)"
            default: "\(block) of \(size)"
            }
        return "\(modules), \(places.joined(separator: " and ")) in \(layers) layers"
    }
}

extension ModelDimensions {
    /// Multiplications per token of all layers without modules.
    public var multiplications: Int {
        layers * (4 * hidden * hidden + 2 * hidden * intermediate + 2 * keys * hidden)
    }
}
