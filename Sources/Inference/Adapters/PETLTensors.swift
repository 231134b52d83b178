/// The tensors that a method of PETL_AST adds to the base's. The sizes that the training chose come from the
/// tensors themselves.
struct PETLTensors {
    /// Required shapes by canonical name.
    private(set) var shapes: [String: [Int]] = [:]
    /// Tokens of prompt tuning; 0 with other methods.
    private(set) var prompts = 0
    /// Keys and values of prefix tuning in each layer; 0 with other methods.
    private(set) var prefixes = 0

    /// Those of an adapter of another kind, or of none.
    static let none = PETLTensors()

    private init() {}

    /// - Parameters:
    ///   - dimensions: The base's, with the adapter's window.
    ///   - path: The adapter's file, for messages.
    ///   - shapeInFile: The shape of a tensor in it, by canonical name.
    /// - Throws: ``ModelError``: missing tensor, shape, unsupported.
    init(
        _ method: PETLConfig.Method, _ dimensions: ModelDimensions, path: String,
        shapeInFile: @escaping (String) -> [Int]?
    ) throws(ModelError) {
        /// The size of the middle axis, which the training chose, of a tensor `[first, size, hidden]`.
        func chosen(_ name: String, first: Int, limit: Int) throws(ModelError) -> Int {
            guard let shape = shapeInFile(name) else { throw .missingTensor(path: path, tensor: name) }
            let size = shape.count == 3 ? shape[1] : 0
            guard size > 0, shape == [first, size, dimensions.hidden] else {
                throw .shape(
                    path: path, tensor: name, expected: [first, max(1, size), dimensions.hidden],
                    found: shape)
            }
            guard size <= limit else {
                throw .unsupported(
                    path: path, key: "length of \(name)", found: "\(size)",
                    wanted: "at most \(limit), for \(ModelDimensions.maximumTokens) keys")
            }
            shapes[name] = shape
            return size
        }
        let hidden = dimensions.hidden
        let limit = ModelDimensions.maximumTokens - dimensions.positions
        switch method {
        case .linear, .bitFit: break
        case .prefixTuning:
            let first = AttentionPrefix.names(ofLayer: 0)
            prefixes = try chosen(first.keys, first: 1, limit: limit)
            for layer in 0..<dimensions.layers {
                let names = AttentionPrefix.names(ofLayer: layer)
                for name in [names.keys, names.values] { shapes[name] = [1, prefixes, hidden] }
            }
        case .promptTuning(let isDeep):
            prompts = try chosen(Prompts.firstName, first: 1, limit: limit)
            if isDeep { shapes[Prompts.laterName] = [dimensions.layers - 1, prompts, hidden] }
        case .adapter, .adapterAblation, .denseMoA, .softMoA:
            guard let plan = AdapterPlan(method) else { break }
            shapes = try PETLModuleTensors.shapes(plan, dimensions, path: path, shapeInFile: shapeInFile)
        }
    }

    /// Checks that the adapter has all of these tensors, in these shapes.
    func check(path: String, shapeInFile: (String) -> [Int]?) throws(ModelError) {
        for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
            guard let found = shapeInFile(name) else { throw .missingTensor(path: path, tensor: name) }
            guard found == shape else {
                throw .shape(path: path, tensor: name, expected: shape, found: found)
            }
        }
    }
}
