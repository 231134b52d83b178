internal import TextSupport
internal import Wire

/// Answers `adapter.list`, `adapter.load`, `adapter.use` and `adapter.unload`.
struct AdapterRequests {
    private let shelf: AdapterShelf

    init(_ shelf: AdapterShelf) { self.shelf = shelf }

    func handle(method: String, params: JSONObject) async -> Result<JSONText, RPCError> {
        do {
            switch method {
            case "adapter.list": return .success(JSONText(shelf.snapshot.list))
            case "adapter.load":
                let path = try params.requiredString("path")
                guard path.hasPrefix("/") else {
                    return .failure(RPCError(.invalidParams, "params: path is not absolute: \(path)"))
                }
                return .success(JSONText(try await shelf.load(path, as: params.string("name"))))
            case "adapter.use":
                guard let names = try params.strings("names") else { throw JSONError.missing(field: "names") }
                return .success(JSONText(try await shelf.use(names)))
            case "adapter.unload":
                let name = try params.requiredString("name")
                try await shelf.unload(name)
                return .success(JSONText { json in json.object { $0.member("unloaded", name) } })
            default: return .failure(.methodNotFound(method))
            }
        } catch let error as JSONError {
            return .failure(.invalidParams(error))
        } catch let refusal as AdapterShelf.Refusal {
            return .failure(RPCError(refusal.code, refusal.description))
        } catch {
            return .failure(RPCError(.internalError, "\(error)"))
        }
    }
}

extension AdapterShelf.Refusal {
    fileprivate var code: RPCError.Code {
        switch self {
        case .name: .invalidParams
        case .unknown, .active, .over: .unavailable
        case .model: .failed
        }
    }
}
