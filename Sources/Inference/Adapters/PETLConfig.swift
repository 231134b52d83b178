internal import TextSupport

/// `adapter_config.json` of an adapter that `tools/import_petl.py` made from a checkpoint of PETL_AST: the
/// facts that its tensors do not state.
///
/// Cappellazzo et al.: "Parameter-Efficient Transfer Learning of Audio Spectrogram Transformers", 2023
/// (arXiv:2312.03694), and "Efficient Fine-tuning of Audio Spectrogram Transformers via Soft Mixture of
/// Adapters", 2024 (arXiv:2402.00828). docs/importing.md describes the form.
public struct PETLConfig: Equatable, Sendable {
    /// The training method, with its options.
    public enum Method: Equatable, Sendable {
        /// Only the final LayerNorm and the head.
        case linear
        /// Every bias.
        case bitFit
        case prefixTuning
        case promptTuning(isDeep: Bool)
        case adapter(Block, Architecture, Mode, appliesResidual: Bool)
        /// One adapter a layer, before or after one of its halves.
        case adapterAblation(Block, Mode, Location, Position)
        /// - location: `nil` for Houlsby, which has one in each half.
        case denseMoA(Block, Architecture, location: Location?)
        case softMoA(Block, Architecture, location: Location?, normalises: Bool)
    }

    /// The network of one adapter module.
    public enum Block: String, CaseIterable, Sendable { case bottleneck, conformer, convpass }
    /// Modules beside the MLP only (Pfeiffer), or beside attention and MLP (Houlsby).
    public enum Architecture: String, CaseIterable, Sendable { case pfeiffer, houlsby }
    public enum Mode: String, CaseIterable, Sendable { case sequential, parallel }
    /// The half of a layer: attention or MLP.
    public enum Location: String, CaseIterable, Sendable { case mhsa, ffn }
    public enum Position: String, CaseIterable, Sendable { case before, after }

    public let method: Method
    /// `method` of the file.
    public let name: String

    /// The `peft_type` of these files; PEFT has no such type.
    static let peftType = "PETL_AST"

    private enum Key: String, CaseIterable {
        case architecture, block, mode
        case appliesResidual = "apply_residual"
        case location, position, normalize, depth
    }

    private enum Depth: String, CaseIterable { case shallow, deep }

    /// - Throws: ``ModelError/unsupported(path:key:found:wanted:)``: a method, a key or a value that is not
    ///   known, or that does not belong to the method.
    init(_ file: ConfigFile) throws(ModelError) {
        var reader = Reader(file)
        name = try reader.name()
        switch name {
        case "linear": method = .linear
        case "bitfit": method = .bitFit
        case "prefix-tuning": method = .prefixTuning
        case "prompt-tuning": method = .promptTuning(isDeep: try reader.choice(Depth.self, .depth) == .deep)
        case "adapter":
            method = .adapter(
                try reader.choice(Block.self, .block), try reader.choice(Architecture.self, .architecture),
                try reader.choice(Mode.self, .mode), appliesResidual: try reader.flag(.appliesResidual))
        case "adapter-ablation":
            method = .adapterAblation(
                try reader.choice(Block.self, .block), try reader.choice(Mode.self, .mode),
                try reader.choice(Location.self, .location), try reader.choice(Position.self, .position))
        case "dense-moa":
            let architecture = try reader.choice(Architecture.self, .architecture)
            method = .denseMoA(
                try reader.block([.bottleneck, .convpass]), architecture,
                location: architecture == .pfeiffer ? try reader.choice(Location.self, .location) : nil)
        case "soft-moa":
            let architecture = try reader.choice(Architecture.self, .architecture)
            method = .softMoA(
                try reader.block([.bottleneck, .convpass]), architecture,
                location: architecture == .pfeiffer ? try reader.choice(Location.self, .location) : nil,
                normalises: try reader.flag(.normalize))
        default: throw reader.unknownMethod(name)
        }
        try reader.refuseOtherKeys(of: name)
    }

    /// Reads keys of a file and remembers which ones were wanted.
    private struct Reader {
        private let file: ConfigFile
        private var wanted: Set<String> = ["peft_type", "method", "base_model_name_or_path", "revision"]

        private static let methods = [
            "linear", "bitfit", "prefix-tuning", "prompt-tuning", "adapter", "adapter-ablation", "dense-moa",
            "soft-moa",
        ]

        init(_ file: ConfigFile) { self.file = file }

        func name() throws(ModelError) -> String {
            guard let name = try file.string("method") else {
                throw refusal("method", "absent", Self.methods.joined(separator: ", "))
            }
            return name
        }

        func unknownMethod(_ name: String) -> ModelError {
            refusal("method", JSONError.shortened(name), Self.methods.joined(separator: ", "))
        }

        mutating func block(_ supported: [Block]) throws(ModelError) -> Block {
            let block = try choice(Block.self, .block)
            guard supported.contains(block) else {
                throw refusal("block", block.rawValue, supported.map(\.rawValue).joined(separator: ", "))
            }
            return block
        }

        mutating func choice<Choice: RawRepresentable & CaseIterable>(
            _ type: Choice.Type, _ key: Key
        ) throws(ModelError) -> Choice where Choice.RawValue == String {
            wanted.insert(key.rawValue)
            let found = try file.string(key.rawValue)
            guard let choice = found.flatMap(Choice.init(rawValue:)) else {
                let choices = Choice.allCases.map(\.rawValue).joined(separator: ", ")
                throw refusal(key.rawValue, found.map(JSONError.shortened) ?? "absent", choices)
            }
            return choice
        }

        mutating func flag(_ key: Key) throws(ModelError) -> Bool {
            wanted.insert(key.rawValue)
            guard let flag = try file.bool(key.rawValue) else {
                throw refusal(key.rawValue, "absent", "true, false")
            }
            return flag
        }

        /// A key of another method contradicts the file; an unknown one may change what it computes.
        func refuseOtherKeys(of method: String) throws(ModelError) {
            for (key, value) in file.members
            where value != .null && !wanted.contains(key) && !AdapterConfigKeys.isBaseDigest(key) {
                if value == .bool(false), Key(rawValue: key) == nil { continue }
                let near = NearMiss.of(key, among: wanted).map { "; did you mean `\($0)`?" } ?? ""
                throw refusal(
                    Key(rawValue: key) == nil ? "unknown key `\(JSONError.shortened(key))`" : key,
                    JSONError.shortened(value.text),
                    "no such key with method \(method)" + near)
            }
        }

        private func refusal(_ key: String, _ found: String, _ wanted: String) -> ModelError {
            .unsupported(path: file.path, key: key, found: found, wanted: wanted)
        }
    }
}
