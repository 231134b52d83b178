internal import TextSupport

/// Values for some modules, such as `rank_pattern`: an object whose keys are ``ModulePattern``s. In the
/// file's order: the first that matches counts.
struct PatternTable<Value: Sendable>: Sendable {
    private let entries: [(pattern: ModulePattern, value: Value)]

    /// - Throws: ``ModelError/unsupported(path:key:found:wanted:)``: not an object, a value of another
    ///   type, a key that is not a supported expression.
    init(
        _ file: ConfigFile, _ key: String, _ wanted: String, _ convert: (JSONValue) -> Value?
    ) throws(ModelError) {
        var entries: [(ModulePattern, Value)] = []
        for (name, value) in try file.members(key, wanted, convert) ?? [] {
            guard let pattern = ModulePattern(name) else {
                throw .unsupported(
                    path: file.path, key: key, found: String(name.prefix(80)),
                    wanted: "names or regular expressions of at most \(ModulePattern.maximumSteps) steps, "
                        + "without look-around and back references")
            }
            entries.append((pattern, value))
        }
        self.entries = entries
    }

    /// - Parameter module: The module's path as the adapter's file names it, without PEFT's prefix.
    func value(for module: String) -> Value? { entries.first { $0.pattern.matches(module) }?.value }
}
