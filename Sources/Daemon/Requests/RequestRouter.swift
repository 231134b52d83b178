internal import Capture
internal import TextSupport
internal import Wire

/// Answers the requests of `astd.sock`: passes each to the object that it concerns.
///
/// Threading: every request runs in a task on Swift's cooperative thread pool. Work that may block runs on a
/// queue or thread of the object that does it, so that no request delays another client's.
final class RequestRouter: RequestHandler {
    private let status: StatusBuilder
    private let lookup: SourceLookup
    private let sources: SourceSet
    private let control: SourceControl
    private let adapters: LoadedAdapters
    private let reload: Reload
    private let files: FileEngine
    private let shutdown: @Sendable () -> Void

    init(
        status: StatusBuilder, lookup: SourceLookup, sources: SourceSet, control: SourceControl,
        adapters: LoadedAdapters,
        reload: Reload, files: FileEngine, shutdown: @escaping @Sendable () -> Void
    ) {
        self.status = status
        self.lookup = lookup
        self.sources = sources
        self.control = control
        self.adapters = adapters
        self.reload = reload
        self.files = files
        self.shutdown = shutdown
    }

    func hello() -> Hello { status.hello() }

    /// Largest number of names that are reported.
    private static let maximumWarnings = 3

    func warnings(about parameters: SubscribeParameters) -> [String] {
        let labels = self.labels
        return Self.warnings(about: parameters.sources, kind: "sources", sources.problem(with:))
            + Self.warnings(about: parameters.labels, kind: "labels") { name in
                labels.contains(name) ? nil : Self.unknown(label: name, labels)
            }
    }

    private static func warnings(
        about names: Set<String>?, kind: String, _ problem: (String) -> String?
    ) -> [String] {
        let problems = (names ?? []).sorted().compactMap(problem)
        let rest = problems.count - maximumWarnings
        return problems.prefix(maximumWarnings)
            + (rest > 0 ? ["and \(rest) more names that are no \(kind)"] : [])
    }

    /// The labels of all variants that classify.
    private var labels: [String] { adapters.snapshot.active.flatMap(\.labels) }

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
        case .status: JSONText(try await status.report(source: params.string("source")))
        case .labels: JSONText(try list(labels: params))
        case .explain: JSONText(try explain(params))
        case .sources: JSONText(try await lookup.list())
        case .adapterList: JSONText(AdapterRequests(adapters, sources).list())
        case .adapterLoad: JSONText(try await AdapterRequests(adapters, sources).load(params))
        case .adapterUse: JSONText(try await AdapterRequests(adapters, sources).use(params))
        case .adapterUnload: unloaded(try await AdapterRequests(adapters, sources).unload(params))
        case .reload: JSONText(await reload.run())
        case .pause: flag("paused", try await control.pause(params.string("source")))
        case .resume: flag("paused", try await control.resume(params.string("source")))
        case .metrics: metrics(try await status.metricsText(source: params.string("source")))
        case .classify: JSONText(try await FileRequests(files, adapters).classify(params, for: client))
        case .shutdown: stop()
        case .subscribe, .unsubscribe:
            throw RPCError(.internalError, "`\(method.rawValue)` is answered by the connection")
        }
    }

    /// - Parameter params: `adapter`, a name; by default the first active variant.
    private func list(labels params: JSONObject) throws -> LabelList {
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

    /// - Parameter params: `label`; `adapter`, a name, when several variants are active; `source`, a name.
    private func explain(_ params: JSONObject) throws -> ExplainReport {
        let label = try params.requiredString("label")
        let adapter = try params.string("adapter")
        let reports = try sources.selected(params.string("source")).compactMap { source in
            source.detection.explain(label, adapter: adapter)?.with(source.monitor.record)
        }
        guard var report = reports.first else {
            throw RPCError(.unavailable, Self.unknown(label: label, labels))
        }
        for var other in reports.dropFirst() {
            let classes = other.others
            other.others = []
            report.others += [other] + classes
        }
        return report
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
