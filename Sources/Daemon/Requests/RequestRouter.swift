internal import Capture
internal import TextSupport
internal import Wire

/// Answers the requests of `astd.sock`: passes each to the object that it concerns.
///
/// Threading: every request runs in a task on Swift's cooperative thread pool. Work that may block runs on a
/// queue or thread of the object that does it, so that no request delays another client's.
final class RequestRouter: RequestHandler {
    private let status: StatusBuilder
    private let sources: SourceLookup
    private let control: SourceControl
    private let adapters: AdapterShelf
    private let detection: EventDetection
    private let sourceRecord: @Sendable () -> SourceRecord
    private let reload: Reload
    private let files: FileEngine
    private let shutdown: @Sendable () -> Void

    init(
        status: StatusBuilder, sources: SourceLookup, control: SourceControl, adapters: AdapterShelf,
        detection: EventDetection, sourceRecord: @escaping @Sendable () -> SourceRecord, reload: Reload,
        files: FileEngine, shutdown: @escaping @Sendable () -> Void
    ) {
        self.status = status
        self.sources = sources
        self.control = control
        self.adapters = adapters
        self.detection = detection
        self.sourceRecord = sourceRecord
        self.reload = reload
        self.files = files
        self.shutdown = shutdown
    }

    func hello() -> Hello { status.hello() }

    /// Largest number of names that are reported.
    private static let maximumWarnings = 3

    func warnings(aboutLabels names: Set<String>) -> [String] {
        let labels = detection.labels
        let unknown = names.subtracting(labels).sorted()
        let warnings = unknown.prefix(Self.maximumWarnings).map { Self.unknown(label: $0, labels) }
        let rest = unknown.count - warnings.count
        return rest > 0 ? warnings + ["and \(rest) more names that are no labels"] : warnings
    }

    func handle(
        _ method: RPCMethod, params: JSONObject, from client: RequestClient
    ) async -> Result<JSONText, RPCError> {
        do {
            return .success(try await result(of: method, params, client))
        } catch let error as RPCError {
            return .failure(error)
        } catch let error as JSONError {
            return .failure(.invalidParams(error))
        } catch {
            return .failure(RPCError(.internalError, "\(error)"))
        }
    }

    private func result(
        of method: RPCMethod, _ params: JSONObject, _ client: RequestClient
    ) async throws -> JSONText {
        switch method {
        case .hello: JSONText(LiveRecord.hello(hello()))
        case .status: JSONText(await status.report())
        case .labels: JSONText(try labels(params))
        case .explain: JSONText(try explain(params))
        case .sources: JSONText(try await sources.list())
        case .adapterList: JSONText(AdapterRequests(adapters).list())
        case .adapterLoad: JSONText(try await AdapterRequests(adapters).load(params))
        case .adapterUse: JSONText(try await AdapterRequests(adapters).use(params))
        case .adapterUnload: unloaded(try await AdapterRequests(adapters).unload(params))
        case .reload: JSONText(await reload.run())
        case .pause: flag("paused", await control.pause())
        case .resume: flag("paused", await control.resume())
        case .metrics: metrics(await status.metricsText())
        case .classify: JSONText(try await FileRequests(files, adapters).classify(params, for: client))
        case .shutdown: stop()
        case .subscribe, .unsubscribe:
            throw RPCError(.internalError, "`\(method.rawValue)` is answered by the connection")
        }
    }

    /// - Parameter params: `adapter`, a name; by default the first active variant.
    private func labels(_ params: JSONObject) throws -> LabelList {
        let snapshot = adapters.snapshot
        guard let name = try params.string("adapter") else {
            return LabelList(labels: snapshot.active.first?.labels ?? [])
        }
        guard let labels = snapshot.labels[name] else {
            let near = NearMiss.of(name, among: snapshot.labels.keys).map { "; did you mean `\($0)`?" } ?? ""
            throw RPCError(.unavailable, "no adapter `\(name)` is loaded\(near)")
        }
        return LabelList(labels: labels)
    }

    /// - Parameter params: `label`; `adapter`, a name, when several variants are active.
    private func explain(_ params: JSONObject) throws -> ExplainReport {
        let label = try params.requiredString("label")
        guard let report = detection.explain(label, adapter: try params.string("adapter")) else {
            throw RPCError(.unavailable, Self.unknown(label: label, detection.labels))
        }
        return report.with(sourceRecord())
    }

    private static func unknown(label: String, _ labels: [String]) -> String {
        let near = NearMiss.of(label, among: labels).map { "; did you mean `\($0)`?" } ?? ""
        let name = label.count > 100 ? label.prefix(100) + "…" : label
        return "no active model or adapter has a label `\(name)`\(near)"
    }

    private func metrics(_ text: String) -> JSONText {
        JSONText { json in
            json.object { json in
                json.member("content_type", MetricsText.contentType)
                json.member("text", text)
            }
        }
    }

    private func unloaded(_ name: String) -> JSONText {
        JSONText { json in json.object { $0.member("unloaded", name) } }
    }

    private func stop() -> JSONText {
        shutdown()
        return flag("stopping", true)
    }

    private func flag(_ name: String, _ value: Bool) -> JSONText {
        JSONText { json in json.object { $0.member(name, value) } }
    }
}
