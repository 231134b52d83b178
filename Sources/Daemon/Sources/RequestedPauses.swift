internal import SystemSupport
internal import TextSupport
internal import Wire

/// Which sources clients have paused, and since when. What ``PauseFile`` keeps over restarts.
///
/// A pause of all sources also holds for sources that the settings have later, until it is resumed. So does
/// the pause of a source for its channels, when each of them is a source.
struct RequestedPauses: Equatable, Sendable {
    /// When all sources were paused.
    private(set) var all: Timestamp?
    /// When single sources were paused, by name.
    private(set) var sources: [String: Timestamp] = [:]
    /// Sources that were resumed since all, or all channels of their source, were paused.
    private(set) var resumed: Set<String> = []

    init(all: Timestamp? = nil) { self.all = all }

    var isEmpty: Bool { all == nil && sources.isEmpty }

    /// - Parameter name: Of a source; `nil` for a source without a name.
    /// - Returns: Since when it is paused; `nil` if it is not.
    func since(_ name: String?) -> Timestamp? {
        guard let name else { return all }
        if let time = sources[name] { return time }
        if resumed.contains(name) { return nil }
        return ChannelName.source(of: name).map { since($0) } ?? all
    }

    /// - Parameter name: Of one source; `nil`: all. What is paused already remains so since then.
    mutating func pause(_ name: String?, at time: Timestamp) {
        guard let name else {
            (all, resumed) = (all ?? time, [])
            return
        }
        if since(name) == nil { sources[name] = time }
        resumed = resumed.filter { ChannelName.source(of: $0) != name }
    }

    /// - Parameters:
    ///   - name: Of one source; `nil`: all.
    ///   - present: The sources that there are. When the last of them is resumed, nothing is paused.
    mutating func resume(_ name: String?, present: [String]) {
        guard let name else {
            self = RequestedPauses()
            return
        }
        sources = sources.filter { $0.key != name && ChannelName.source(of: $0.key) != name }
        if since(name) != nil { resumed.insert(name) }
        if let whole = ChannelName.source(of: name), sources[whole] != nil {
            let channels = present.filter { ChannelName.source(of: $0) == whole }
            if channels.allSatisfy({ since($0) == nil }) {
                sources[whole] = nil
                if all == nil { resumed.subtract(channels) }
            }
        }
        if present.allSatisfy({ since($0) == nil }) { (all, resumed) = (nil, []) }
    }
}

extension RequestedPauses: JSONRecord {
    private static let members: Set<String> = ["all", "resumed", "sources"]

    /// - Throws: ``JSONError``, also for a member of a later version, which might be a pause.
    init(_ json: JSONObject) throws(JSONError) {
        if let unknown = json.members.keys.sorted().first(where: { !Self.members.contains($0) }) {
            throw .unknownValue(field: "member", value: unknown)
        }
        all = try Self.time("all", json)
        resumed = Set(try json.strings("resumed") ?? [])
        let named = try json.object("sources") ?? JSONObject()
        for name in named.members.keys { sources[name] = try Self.time(name, named) }
    }

    private static func time(_ name: String, _ json: JSONObject) throws(JSONError) -> Timestamp? {
        guard let text = try json.string(name) else { return nil }
        guard let time = Timestamp(text) else {
            throw .wrongType(field: name, expected: "a time like 2026-01-31T23:59:58.250Z")
        }
        return time
    }

    func writeMembers(to json: inout JSONWriter) {
        if let all { json.member("all", all.description) }
        if !resumed.isEmpty { json.member("resumed", strings: resumed.sorted()) }
        if sources.isEmpty { return }
        json.key("sources")
        json.object { json in
            for (name, time) in sources.sorted(by: { $0.key < $1.key }) {
                json.member(name, time.description)
            }
        }
    }
}

/// The pause of one source that a client has requested.
struct RequestedPause: Equatable, Sendable {
    var since: Timestamp
    /// Whether the request came before the daemon's start.
    var isFromBefore: Bool
    /// Why it is not known whether there was such a request.
    var problem: String?

    /// Why nothing is recorded, for people.
    func message(zone: TimeZoneRule = .local) -> String {
        let advice = "nothing is recorded until `astctl resume`"
        if let problem { return "\(problem), so astd may have been paused before the restart; \(advice)" }
        if !isFromBefore { return advice }
        let offset = zone.offsetSeconds(atUnixSeconds: Int(since.unixNanos / 1_000_000_000))
        let time = since.text(offsetSeconds: offset).prefix(16).replacing("T", with: " ")
        return "before the restart, since \(time); \(advice)"
    }
}
