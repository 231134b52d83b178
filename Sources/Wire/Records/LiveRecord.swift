public import TextSupport

/// Everything a daemon says about what it hears; `type` comes first in each record.
public enum LiveRecord: Sendable, Equatable {
    case hello(Hello)
    case prediction(Prediction)
    case event(EventRecord)
    case gap(Gap)
    case source(SourceRecord)
    case adapter(AdapterRecord)
    case lost(Lost)

    /// The word in the record's `type` member.
    public enum Kind: String, Sendable, CaseIterable {
        case hello, prediction, event, gap, source, adapter, lost
    }

    public var kind: Kind {
        switch self {
        case .hello: .hello
        case .prediction: .prediction
        case .event: .event
        case .gap: .gap
        case .source: .source
        case .adapter: .adapter
        case .lost: .lost
        }
    }

    public var type: String { kind.rawValue }

    private var members: any JSONRecord {
        switch self {
        case .hello(let record): record
        case .prediction(let record): record
        case .event(let record): record
        case .gap(let record): record
        case .source(let record): record
        case .adapter(let record): record
        case .lost(let record): record
        }
    }
}

extension LiveRecord: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("type", type)
        members.writeMembers(to: &json)
    }
}

extension LiveRecord {
    /// Reads a line of `events.sock`.
    ///
    /// - Throws: ``JSONError``; ``JSONError/unknownValue(field:value:)`` for a record a later daemon may have added,
    ///   which a client should pass over.
    public init(line: [UInt8]) throws(JSONError) {
        self = try LiveRecord(JSONObject(parsing: line))
    }

    /// Reads the object of a record, as `params` of a notification carries it.
    public init(_ json: JSONObject) throws(JSONError) {
        let type = try json.requiredString("type")
        switch Kind(rawValue: type) {
        case .hello: self = .hello(try Hello(json))
        case .prediction: self = .prediction(try Prediction(json))
        case .event: self = .event(try EventRecord(json))
        case .gap: self = .gap(try Gap(json))
        case .source: self = .source(try SourceRecord(json))
        case .adapter: self = .adapter(try AdapterRecord(json))
        case .lost: self = .lost(try Lost(json))
        case nil: throw .unknownValue(field: "type", value: type)
        }
    }
}
