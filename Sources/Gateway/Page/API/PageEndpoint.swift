internal import NIOHTTP1
internal import TextSupport
internal import Wire

/// What a request asks for, with its parameters read.
enum PageEndpoint {
    case file(String)
    case status
    case health
    case metrics
    case live(LiveRequest)
    case events(EventFilter)
    case summary(EventFilter, isHourly: Bool, offsetSeconds: Int?)
    case minutes(MinutesQuery)
    case gaps(GapsQuery)
    case clip(id: String)
    case review(ReviewRequest)
    case labels(daemon: String?)
    case explain(ExplainQuery)
    case command(daemon: String?, PageCommand)

    /// - Throws: ``PageRefusal``
    init(_ request: PageRequest) throws(PageRefusal) {
        let target = request.target
        switch target.path {
        case let path where path.first != "api":
            try Self.expect(.GET, request)
            switch path {
            case ["healthz"]: self = .health
            case ["metrics"]: self = .metrics
            case let path where path.count == 1: self = .file(path[0])
            default: throw .notFound
            }
        case ["api", "openapi.json"]:
            try Self.expect(.GET, request)
            self = .file("openapi.json")
        case ["api", "status"]:
            try Self.expect(.GET, request)
            _ = try PageParameters(target, names: [])
            self = .status
        case ["api", "live"]:
            try Self.expect(.GET, request)
            let parameters = try PageParameters(target, names: ["daemon", "spectrum"])
            self = .live(
                LiveRequest(
                    daemons: Set(parameters.texts("daemon")), lastID: request.headers["Last-Event-ID"].first,
                    wantsSpectrum: try parameters.word("spectrum", of: ["0", "1"]) == "1"))
        case ["api", "events"]:
            try Self.expect(.GET, request)
            self = .events(try Self.events(target))
        case ["api", "summary"]:
            try Self.expect(.GET, request)
            let parameters = try PageParameters(target, names: PageParameters.filterNames + ["by", "offset"])
            self = .summary(
                try parameters.filter(), isHourly: try parameters.word("by", of: ["hour", "day"]) == "hour",
                offsetSeconds: try parameters.count("offset", in: -86_400...86_400))
        case ["api", "minutes"]:
            try Self.expect(.GET, request)
            self = .minutes(try MinutesQuery(target))
        case ["api", "gaps"]:
            try Self.expect(.GET, request)
            self = .gaps(try GapsQuery(target))
        case ["api", "labels"]:
            try Self.expect(.GET, request)
            self = .labels(daemon: try PageParameters(target, names: ["daemon"]).text("daemon"))
        case ["api", "explain"]:
            try Self.expect(.GET, request)
            self = .explain(try ExplainQuery(target))
        case let path where path.count == 3 && path[1] == "clips":
            try Self.expect(.GET, request)
            self = .clip(id: try Self.id(path[2]))
        case let path where path.count == 4 && path[1] == "events" && path[3] == "review":
            try Self.expect(.POST, request)
            self = .review(try Self.review(try Self.id(path[2]), try Self.body(request)))
        case let path where path.count == 3 && path[1] == "control":
            guard let method = PageCommand.Method(rawValue: path[2]) else { throw .notFound }
            try Self.expect(.POST, request)
            let json = try Self.body(request)
            do throws(JSONError) {
                self = .command(daemon: try json.string("daemon"), try PageCommand(method, json))
            } catch {
                throw .bad("\(error)")
            }
        default: throw .notFound
        }
    }

    private static func expect(_ method: HTTPMethod, _ request: PageRequest) throws(PageRefusal) {
        if request.method == method || method == .GET && request.method == .HEAD { return }
        throw PageRefusal(
            .methodNotAllowed, "method_not_allowed", "\(request.method) is not supported here",
            headers: ["Allow": method == .GET ? "GET, HEAD" : "POST"])
    }

    private static func events(_ target: PageTarget) throws(PageRefusal) -> EventFilter {
        let names = PageParameters.filterNames + ["min_score", "review", "limit", "before"]
        let parameters = try PageParameters(target, names: names)
        var filter = try parameters.filter()
        filter.minScore = try parameters.score("min_score")
        filter.limit = try parameters.count("limit", in: 1...5000) ?? 200
        switch try parameters.word("review", of: ["none", "any", "right", "wrong", "other"]) {
        case "none"?: filter.isReviewed = false
        case "any"?: filter.isReviewed = true
        case let review?: filter.reviews = [review]
        case nil: break
        }
        filter.position = try parameters.position("before")
        return filter
    }

    /// The id of an event: letters, digits and hyphens.
    private static func id(_ text: String) throws(PageRefusal) -> String {
        guard (1...100).contains(text.utf8.count),
            text.utf8.allSatisfy({
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0)
                    || $0 == 0x2D
            })
        else { throw .noEvent }
        return text
    }

    private static func body(_ request: PageRequest) throws(PageRefusal) -> JSONObject {
        let type = request.headers["Content-Type"]
        let essence = type.first.map { $0.prefix { $0 != ";" && $0 != " " }.lowercased() }
        guard type.count == 1, essence == "application/json" else {
            throw PageRefusal(
                .unsupportedMediaType, "unsupported_media_type",
                "a POST needs the header Content-Type: application/json")
        }
        do throws(JSONError) { return try JSONObject(parsing: request.body) } catch {
            throw .bad("the body must be a JSON object: \(error)")
        }
    }

    private static func review(_ id: String, _ json: JSONObject) throws(PageRefusal) -> ReviewRequest {
        for name in json.members.keys where !["review", "label", "daemon"].contains(name) {
            throw .bad("unknown member '\(name)'; accepted: review, label, daemon")
        }
        guard json.members["review"] != nil else {
            throw .bad("the member 'review' is missing: right, wrong, other with a label, or null")
        }
        do throws(JSONError) {
            var members = json.members
            members["ids"] = .array([.string(id)])
            return try ReviewRequest(JSONObject(members))
        } catch {
            throw .bad("\(error)")
        }
    }
}

extension EventPosition {
    /// In the answers of `/api/events` and `/api/gaps`.
    var text: String { "\(begin)-\(row)" }

    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
            .map { PageParameters.natural($0, digits: 15) }
        guard parts.count == 2, let begin = parts[0], let row = parts[1] else { return nil }
        self.init(begin: begin, row: row)
    }
}
