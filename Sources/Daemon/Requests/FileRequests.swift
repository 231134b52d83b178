internal import Capture
internal import Recognizer
internal import TextSupport
internal import Wire

/// Answers `classify`, for a file that the client has opened or that the daemon can open.
struct FileRequests {
    private let engine: FileEngine
    private let adapters: LoadedAdapters

    init(_ engine: FileEngine, _ adapters: LoadedAdapters) {
        self.engine = engine
        self.adapters = adapters
    }

    /// Sends each window as a notification, at the pace at which the client reads them.
    func classify(_ params: JSONObject, for client: RequestClient) async throws -> ClassifyReport {
        let request = try ClassifyParameters(params)
        let file = try await file(request, client)
        let name = request.path ?? request.name ?? "file"
        let options = FileClassification.Options(
            topK: request.topK, minimumScore: request.minScore,
            WindowRule(
                hopFrames: request.hopFrames, channels: request.channel.map(ChannelChoice.number) ?? .mix))
        do throws(FileEngine.Refusal) {
            let id = try await engine.open(file, name: name, options, adapters.snapshot.sets.all)
            return try await classify(id, name, client)
        } catch {
            throw RPCError(error == .busy ? .unavailable : .failed, error.description)
        }
    }

    private func classify(
        _ id: Int, _ name: String, _ client: RequestClient
    ) async throws(FileEngine.Refusal) -> ClassifyReport {
        var windows = 0
        do throws(FileEngine.Refusal) {
            while !Task.isCancelled, let record = try await engine.next(of: id) {
                windows += 1
                await client.notify("window", record)
            }
        } catch {
            await engine.close(id)
            throw error
        }
        let (seconds, warning) = await engine.close(id)
        return ClassifyReport(file: name, windows: windows, seconds: seconds, warning: warning)
    }

    /// - Returns: nil when the request names a path.
    private func file(
        _ request: ClassifyParameters, _ client: RequestClient
    ) async throws(RPCError) -> OwnedDescriptor? {
        switch await client.dequeueFile() {
        case .several:
            throw RPCError(
                .invalidParams,
                "more than one file was passed with the request, or the daemon has no free descriptor; send one file"
            )
        case .none where request.path == nil:
            throw RPCError(
                .invalidParams,
                "no file was passed with the request; name a `path`, or send one open file (SCM_RIGHTS)")
        case .one where request.path != nil:
            throw RPCError(.invalidParams, "both a `path` and an open file were given; send one of them")
        case .none: return nil
        case .one(let file): return file
        }
    }
}
