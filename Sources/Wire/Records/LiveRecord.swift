public import TextSupport

/// Any record that a daemon publishes; `type` is its first member.
public enum LiveRecord: Sendable, Equatable {
    case hello(Hello)
    case prediction(Prediction)
    case event(EventRecord)
    case ongoing(OngoingRecord)
    case gap(Gap)
    case source(SourceRecord)
    case level(LevelRecord)
    case spectrum(SpectrumRecord)
    case hop(HopRecord)
    case adapter(AdapterRecord)
    case lost(Lost)

    /// The value of the `type` member.
    public enum Kind: String, Sendable, CaseIterable {
        case hello, prediction, event, ongoing, gap, source, level, spectrum, hop, adapter, lost
    }

    public var kind: Kind {
        switch self {
        case .hello: .hello
        case .prediction: .prediction
        case .event: .event
        case .ongoing: .ongoing
        case .gap: .gap
        case .source: .source
        case .level: .level
        case .spectrum: .spectrum
        case .hop: .hop
        case .adapter: .adapter
        case .lost: .lost
        }
    }

    /// The name of the source that it is about; nil for a record about all, or a source without a name.
    public var sourceName: String? {
        switch self {
        case .prediction(let record): record.source
        case .event(let record): record.source
        case .ongoing(let record): record.source
        case .gap(let record): record.source
        case .source(let record): record.source
        case .level(let record): record.source
        case .spectrum(let record): record.source
        case .hop(let record): record.source
        case .adapter(let record): record.source
        case .hello, .lost: nil
        }
    }

    private var members: any JSONRecord {
        switch self {
        case .hello(let record): record
        case .prediction(let record): record
        case .event(let record): record
        case .ongoing(let record): record
        case .gap(let record): record
        case .source(let record): record
        case .level(let record): record
        case .spectrum(let record): record
        case .hop(let record): record
        case .adapter(let record): record
        case .lost(let record): record
        }
    }
}

extension LiveRecord: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("type", kind.rawValue)
        members.writeMembers(to: &json)
    }
}

extension LiveRecord {
    /// Reads a line of `events.sock`.
    ///
    /// - Throws: ``JSONError``; ``JSONError/unknownValue(field:value:)`` for a type that a later version may
    ///   have added and that a client should ignore.
    public init(line: [UInt8]) throws(JSONError) {
        self = try LiveRecord(JSONObject(parsing: line))
    }

    /// Reads a record from its object, such as the `params` of a notification.
    public init(_ json: JSONObject) throws(JSONError) {
        let type = try json.requiredString("type")
        switch Kind(rawValue: type) {
        case .hello: self = .hello(try Hello(json))
        case .prediction: self = .prediction(try Prediction(json))
        case .event: self = .event(try EventRecord(json))
        case .ongoing: self = .ongoing(try OngoingRecord(json))
        case .gap: self = .gap(try Gap(json))
        case .source: self = .source(try SourceRecord(json))
        case .level: self = .level(try LevelRecord(json))
        case .hop: self = .hop(try HopRecord(json))
        case .spectrum: self = .spectrum(try SpectrumRecord(json))
        case .adapter: self = .adapter(try AdapterRecord(json))
        case .lost: self = .lost(try Lost(json))
        case nil: throw .unknownValue(field: "type", value: type)
        }
    }
}

/// The number of records that this client missed at this place in its stream: it read too slowly, or it
/// continued after an interruption and the daemon does not hold them any more.
public struct Lost: Sendable, Equatable {
    public let count: UInt64

    public init(count: UInt64) {
        self.count = count
    }

    /// - Throws: ``JSONError`` when the member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        count = try json.requiredInteger("count", as: UInt64.self)
    }
}

extension Lost: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("count", count)
    }
}
