/// A kind of adapter: what one `peft_type` of `adapter_config.json` means. ``AdapterMethods`` lists them.
///
/// A method states the keys and the tensors that it knows. Everything else about an adapter is common to all
/// methods: tensors that replace the base's, labels, the front end, the base's SHA-256.
protocol AdapterMethod: Sendable {
    /// `peft_type`.
    static var peftType: String { get }
    /// Its keys of `adapter_config.json`, apart from those common to all methods.
    static var keys: AdapterConfigKeys { get }
    /// Rejects keys that the method does not know.
    static func checkKeys(_ file: ConfigFile) throws(ModelError)
    /// The names of its tensors after the module's, such as `lora_A.weight`.
    static var parameters: Set<String> { get }
    /// Those of ``parameters`` that replace a tensor of the module, and that tensor, such as `weight`.
    static var replacements: [String: String] { get }
    /// The first parts of the names of its tensors. A name is the module's up to the first of them.
    static var roots: Set<Substring> { get }
    /// Whether `name`, which begins with one of ``roots``, is one of the method's tensors.
    static func isParameter(_ name: String) -> Bool
    /// Parameters that hold integers.
    static var integers: Set<String> { get }
    /// The name of a parameter today, where older versions of PEFT used another.
    static func renamed(_ parameter: String) -> String
    /// Whether it changes weights, not only biases.
    static var changesWeights: Bool { get }

    /// The name for people, with its options: `LoRA`, `DoRA, rank-stabilised`.
    var title: String { get }

    /// - Parameter file: `adapter_config.json`.
    /// - Throws: ``ModelError/unsupported(path:key:found:wanted:)`` with the key that astd does not support.
    init(_ file: ConfigFile) throws(ModelError)

    /// Checks what can be checked without a base.
    func check(_ adapter: Adapter) throws(ModelError)

    /// What inspection shows of a module, from the shapes of its tensors.
    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes

    /// The change of a module's weight. It checks every tensor and computes nothing yet.
    ///
    /// - Throws: ``ModelError``: shape, missing tensor, not finite, unsupported.
    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange
}

extension AdapterMethod {
    static func checkKeys(_ file: ConfigFile) throws(ModelError) {
        try keys.check(file, peftType: peftType)
    }
    static var replacements: [String: String] { [:] }
    static var roots: Set<Substring> {
        Set(parameters.map { $0.prefix { $0 != "." } })
    }
    static func isParameter(_ name: String) -> Bool { parameters.contains(name) }
    static var integers: Set<String> { [] }
    static func renamed(_ parameter: String) -> String { parameter }
    static var changesWeights: Bool { true }
    func check(_ adapter: Adapter) throws(ModelError) {}
    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes()
    }
}

/// The sizes of an adapter's tensors for one module, as far as the tensors state them.
struct ModuleSizes {
    var rank: Int?
    /// What the product of the factors is multiplied with.
    var scale: Float?
}

/// The change of one module's weight `[outputs, inputs]`; a convolution's inputs are channels x kernel.
///
/// SAFETY: the tensors that it keeps belong to the adapter and to the base, which `Weights` keeps alive.
protocol WeightChange {
    /// Merges a block of rows: `block` holds those rows of W and receives those of W'.
    typealias RowMerge = (_ rows: Range<Int>, _ block: UnsafeMutablePointer<Float>) -> Void

    /// The rank of its factors, for reports.
    var rank: Int? { get }
    /// The module's new bias; `nil` when it does not change.
    ///
    /// - Parameter bias: The module's present bias; `nil` when it has none.
    func bias(_ bias: Tensor?) -> [Float]?
    /// Computes what all rows share.
    ///
    /// - Throws: ``ModelError``: the change cannot be computed, as with a singular matrix.
    func rowMerge() throws(ModelError) -> RowMerge
}

extension WeightChange {
    var rank: Int? { nil }
    func bias(_ bias: Tensor?) -> [Float]? { nil }
}
