/// The tensors of an adapter's file for one module.
struct ModuleTensors {
    /// The module's canonical name; empty for tensors that all modules share.
    let name: String
    /// The module's path as the adapter names it; patterns are matched against it.
    let path: String
    /// Names in the file by parameter, such as `lora_A.weight`.
    var names: [String: String] = [:]

    /// The name in the file of one of them, for messages.
    var example: String { names.values.min() ?? path }
}
