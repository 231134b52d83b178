import FoundationEssentials

/// Any JSON value, to change one key of a model directory's files.
enum ConfigEdit: Codable, Equatable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([ConfigEdit])
    case object([String: ConfigEdit])

    /// - Parameter value: `nil` removes the key.
    static func set(
        _ key: String, to value: ConfigEdit?, in directory: String, file: String = "config.json"
    ) throws {
        let url = URL(filePath: directory + "/" + file)
        var members = try JSONDecoder().decode([String: ConfigEdit].self, from: Data(contentsOf: url))
        members[key] = value
        try JSONEncoder().encode(members).write(to: url)
    }

    init(from decoder: any Decoder) throws {
        if let members = try? [String: ConfigEdit](from: decoder) {
            self = .object(members)
        } else if let items = try? [ConfigEdit](from: decoder) {
            self = .list(items)
        } else {
            let value = try decoder.singleValueContainer()
            self =
                if value.decodeNil() {
                    .null
                } else if let flag = try? value.decode(Bool.self) {
                    .flag(flag)
                } else if let number = try? value.decode(Double.self) {
                    .number(number)
                } else {
                    .text(try value.decode(String.self))
                }
        }
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .object(let members): try members.encode(to: encoder)
        case .list(let items): try items.encode(to: encoder)
        case .flag(let flag): try flag.encode(to: encoder)
        case .number(let number): try number.encode(to: encoder)
        case .text(let text): try text.encode(to: encoder)
        case .null:
            var container = encoder.singleValueContainer()
            try container.encodeNil()
        }
    }
}
