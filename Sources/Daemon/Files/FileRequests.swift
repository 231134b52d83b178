internal import Capture
internal import Recognizer
internal import TextSupport
internal import Wire

/// Answers `classify`: a file that the client has opened, or one that the daemon may open.
struct FileRequests {
    private let engine: FileEngine
    private let adapters: AdapterShelf

    init(_ engine: FileEngine, _ adapters: AdapterShelf) {
        self.engine = engine
        self.adapters = adapters
    }

    /// Every window is told in a notification of its own, as fast as the client reads them and no faster.
    func classify(_ params: JSONObject, for client: RequestClient) async -> Result<JSONText, RPCError> {
        do {
            let request = try ClassifyParameters(params)
            let file = try await file(request, client)
            let name = request.path ?? request.name ?? "file"
            let choice = FileClassification.Options(
                topK: request.topK, minimumScore: request.minScore, hopFrames: request.hopFrames)
            let id = try await engine.open(file, name: name, choice, adapters.snapshot.variants)
            return await classify(id, name, client)
        } catch let error as JSONError {
            return .failure(.invalidParams(error))
        } catch let refusal as FileEngine.Refusal {
            return .failure(RPCError(refusal == .busy ? .unavailable : .failed, refusal.description))
        } catch let error as RPCError {
            return .failure(error)
        } catch {
            return .failure(RPCError(.internalError, "\(error)"))
        }
    }

    private func classify(
        _ id: Int, _ name: String, _ client: RequestClient
    ) async -> Result<JSONText, RPCError> {
        var windows = 0
        var refusal: FileEngine.Refusal?
        do throws(FileEngine.Refusal) {
            while !Task.isCancelled, let record = try await engine.next(of: id) {
                windows += 1
                await client.tell("window", record)
            }
        } catch {
            refusal = error
        }
        let report = ClassifyReport(file: name, windows: windows, seconds: await engine.close(id))
        return refusal.map { .failure(RPCError(.failed, $0.description)) } ?? .success(JSONText(report))
    }

    /// - Returns: `nil` when a path is named.
    private func file(
        _ request: ClassifyParameters, _ client: RequestClient
    ) async throws(RPCError) -> OwnedDescriptor? {
        let passed = await client.takeFile()
        switch passed {
        case .several:
            throw RPCError(
                .invalidParams,
                "more than one file came with the request, or the daemon has no room for it: send one")
        case .none where request.path == nil:
            let wanted = "name a `path`, or send one open file with the request (SCM_RIGHTS)"
            throw RPCError(.invalidParams, "no file came with the request: \(wanted)")
        case .one where request.path != nil:
            throw RPCError(.invalidParams, "a `path` and an open file: give one of them")
        case .none: return nil
        case .one(let file): return file
        }
    }
}
