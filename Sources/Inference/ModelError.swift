public import SystemSupport

/// The reason why a model or an adapter cannot be used. Cases about a file carry its path, what was expected
/// and what was found.
public enum ModelError: Error, Equatable, Sendable {
    /// The file cannot be opened or read; `reason` is the system's error message.
    case unreadable(path: String, reason: String)
    /// The file's bytes contradict its format.
    case malformed(path: String, problem: String)
    /// The file contains something else than its name says; `remedy` is what to do.
    case foreign(path: String, found: String, wanted: String, remedy: String)
    /// A file of the model is not there; `remedy` is what to do.
    case missingFile(path: String, remedy: String)
    /// A value in a configuration file is not supported.
    case unsupported(path: String, key: String, found: String, wanted: String)
    /// A tensor that the model's dimensions require is not in the file.
    case missingTensor(path: String, tensor: String)
    /// A tensor's shape differs from what the model's dimensions require.
    case shape(path: String, tensor: String, expected: [Int], found: [Int])
    /// A tensor corresponds to no module of the model. Merging only the others would give wrong scores.
    case unmatchedTensor(path: String, tensor: String)
    /// A tensor contains infinite or NaN values.
    case notFinite(path: String, tensor: String)
    /// A thread of the forward pass cannot be started.
    case thread(ThreadError)
}

extension ModelError: CustomStringConvertible {
    /// One line: what is wrong, and what to do about it where that is known.
    public var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "\(path): \(reason)"
        case .malformed(let path, let problem):
            "\(path): \(problem): the file is damaged or incomplete; download or save it again"
        case .foreign(let path, let found, let wanted, let remedy):
            "\(path) is \(found), not \(wanted): \(remedy)"
        case .missingFile(let path, let remedy):
            "\(path): no such file: \(remedy)"
        case .unsupported(let path, let key, let found, let wanted):
            "\(path): \(key) is \(found), supported: \(wanted)"
        case .missingTensor(let path, let tensor):
            "\(path): no tensor \(tensor): "
                + (path.hasSuffix(Adapter.weightsName)
                    ? "incomplete adapter" : "not an AST checkpoint, or an incomplete one")
        case .shape(let path, let tensor, let expected, let found):
            "\(path): \(tensor) is \(found), "
                + (path.hasSuffix(Adapter.weightsName) ? "the base" : "config.json")
                + " requires \(expected)"
        case .unmatchedTensor(let path, let tensor):
            "\(path): tensor \(tensor) matches no module of the model: the adapter was trained for another model"
        case .notFinite(let path, let tensor):
            "\(path): \(tensor) contains infinite or NaN values"
        case .thread(let error):
            error.description
        }
    }
}
