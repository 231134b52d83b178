internal import TextSupport
internal import Wire

/// Answers `adapter.list`, `adapter.load`, `adapter.use` and `adapter.unload`.
struct AdapterRequests {
    private let adapters: LoadedAdapters
    private let sources: SourceSet

    init(_ adapters: LoadedAdapters, _ sources: SourceSet) {
        (self.adapters, self.sources) = (adapters, sources)
    }

    func list() -> AdapterList { adapters.snapshot.list }

    func load(_ params: JSONObject) async throws -> AdapterList.Entry {
        let path = try params.requiredString("path")
        guard path.hasPrefix("/") else {
            throw JSONError.wrongType(field: "path", expected: "an absolute path")
        }
        let name = try params.string("name")
        return try await refused { try await adapters.load(path, as: name) }
    }

    func use(_ params: JSONObject) async throws -> SwitchReport {
        guard let names = try params.strings("names") else { throw JSONError.missing(field: "names") }
        let source = try params.string("source")
        let selected = try sources.selected(source).compactMap(\.name)
        return try await refused { try await adapters.use(names, sources: source == nil ? nil : selected) }
    }

    /// - Returns: The name of the unloaded adapter.
    func unload(_ params: JSONObject) async throws -> String {
        let name = try params.requiredString("name")
        try await refused { try await adapters.unload(name) }
        return name
    }

    private func refused<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let refusal as LoadedAdapters.Refusal {
            throw RPCError(refusal.code, refusal.description)
        }
    }
}

extension LoadedAdapters.Refusal {
    fileprivate var code: RPCError.Code {
        switch self {
        case .message: .invalidParams
        case .engine(.stopped): .stopping
        case .unknown, .active, .engine(.noResponse): .unavailable
        case .model: .failed
        }
    }
}
