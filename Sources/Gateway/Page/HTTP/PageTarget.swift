/// The target of a request: a path and its parameters, decoded.
struct PageTarget: Equatable, Sendable {
    struct Parameter: Equatable, Sendable {
        var name: String
        var value: String
    }

    static let maximumBytes = 8192
    private static let maximumParameters = 100

    /// The parts between the slashes; `/` has one that is empty.
    var path: [String]
    var parameters: [Parameter]

    /// Reads `/api/events?label=Siren`; nil for a text that is not of this form.
    ///
    /// A part may contain anything, also `..` or an encoded slash: nothing is a path in a file system.
    init?(_ text: String) {
        guard text.utf8.count <= Self.maximumBytes, text.hasPrefix("/") else { return nil }
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = []
        for part in parts[0].dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let decoded = Self.decoded(part, plusIsSpace: false) else { return nil }
            path.append(decoded)
        }
        parameters = []
        guard parts.count == 2 else { return }
        for part in parts[1].split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parameters.count < Self.maximumParameters,
                let name = Self.decoded(pair[0], plusIsSpace: true),
                let value = pair.count == 2 ? Self.decoded(pair[1], plusIsSpace: true) : ""
            else { return nil }
            parameters.append(Parameter(name: name, value: value))
        }
    }

    /// Decodes `%HH`; nil if the result is not UTF-8, or has a control character.
    private static func decoded(_ text: Substring, plusIsSpace: Bool) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(0x20)
            default: bytes.append(byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self),
            decoded.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else { return nil }
        return decoded
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
