internal import TextSupport

/// `adapter_config.json`: the kind of adapter, and what all kinds have in common.
struct AdapterConfig {
    let path: String
    let method: any AdapterMethod
    let baseName: String?
    /// Revision of the base on the Hugging Face hub.
    let baseRevision: String?
    /// SHA-256 of the base's weights that the file states.
    let baseDigests: [String]
    /// Version of PEFT.
    let writtenBy: String?
    /// Modules that the file holds whole, by their names' ends.
    let modulesToSave: [String]

    /// The method of PETL_AST; `nil` for those of PEFT.
    var petl: PETLConfig? { method as? PETLConfig }

    /// - Throws: ``ModelError``: unreadable, malformed, or unsupported with the key that astd does not merge.
    init(path: String) throws(ModelError) {
        self.path = path
        let file = try ConfigFile(path: path)
        let kind = try Self.kind(file)
        try kind.checkKeys(file)
        baseName = try file.string("base_model_name_or_path")
        baseRevision = try file.string("revision")
        baseDigests = try file.baseDigests()
        writtenBy = try file.string("peft_version")
        modulesToSave =
            try file.read("modules_to_save", "a name, or a list of names") { value in
                value.stringValue.map { [$0] } ?? value.array { $0.stringValue }
            } ?? []
        if let bias = try file.string("bias"), bias != "none", bias != "all", !bias.hasSuffix("_only") {
            throw .unsupported(path: path, key: "bias", found: bias, wanted: "none, all, lora_only")
        }
        method = try kind.init(file)
    }

    private static func kind(_ file: ConfigFile) throws(ModelError) -> any AdapterMethod.Type {
        let supported = AdapterMethods.supported.map { $0.peftType }.joined(separator: ", ")
        guard let name = try file.string("peft_type") else {
            throw .unsupported(path: file.path, key: "peft_type", found: "absent", wanted: supported)
        }
        if let kind = AdapterMethods.named(name) { return kind }
        let reason = AdapterMethods.refused[name].map { "; \($0)" } ?? ""
        throw .unsupported(
            path: file.path, key: "peft_type", found: JSONError.shortened(name), wanted: supported + reason)
    }
}
