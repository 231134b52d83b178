public import SystemSupport

/// Why a model or an adapter cannot be used. Cases that are about a file name it, and what was wanted
/// and found.
public enum ModelError: Error, Equatable, Sendable {
    /// The file cannot be opened or read; `reason` is the system's.
    case unreadable(path: String, reason: String)
    /// The file's bytes contradict its format.
    case malformed(path: String, problem: String)
    /// A value in a configuration file is outside what astd computes.
    case unsupported(path: String, key: String, found: String, wanted: String)
    /// A tensor that the geometry asks for is not in the file.
    case missingTensor(path: String, tensor: String)
    /// A tensor has other sizes than the geometry asks for.
    case shape(path: String, tensor: String, expected: [Int], found: [Int])
    /// A tensor that nothing in the model corresponds to: half an adapter is no adapter.
    case unmatchedTensor(path: String, tensor: String)
    /// Infinite or not-a-number values.
    case notFinite(path: String, tensor: String)
    /// A thread of the forward pass cannot be started; the model is not at fault.
    case thread(ThreadError)
}

extension ModelError: CustomStringConvertible {
    /// One line: what is wrong, and what to do where that is known.
    public var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "\(path): \(reason)"
        case .malformed(let path, let problem):
            "\(path): \(problem): the file is damaged or incomplete, fetch or save it again"
        case .unsupported(let path, let key, let found, let wanted):
            "\(path): \(key) is \(found), supported: \(wanted)"
        case .missingTensor(let path, let tensor):
            "\(path): no tensor \(tensor): not "
                + (path.hasSuffix(LoRAAdapter.weightsName)
                    ? "a whole adapter" : "an AST checkpoint, or not all of it")
        case .shape(let path, let tensor, let expected, let found):
            "\(path): \(tensor) is \(found), "
                + (path.hasSuffix(LoRAAdapter.weightsName) ? "the base" : "config.json")
                + " asks for \(expected)"
        case .unmatchedTensor(let path, let tensor):
            "\(path): tensor \(tensor) fits nothing in the model: the adapter was trained for another one"
        case .notFinite(let path, let tensor):
            "\(path): \(tensor) holds infinite or not-a-number values"
        case .thread(let error):
            error.description
        }
    }
}
