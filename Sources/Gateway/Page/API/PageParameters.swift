internal import TextSupport
internal import Wire

/// The parameters of a request, read by name and type.
struct PageParameters {
    private let all: [PageTarget.Parameter]
    private let now: Timestamp

    /// - Parameter names: Those that are accepted.
    /// - Throws: ``PageRefusal`` for another one.
    init(_ target: PageTarget, names: [String], now: Timestamp = .now) throws(PageRefusal) {
        (all, self.now) = (target.parameters, now)
        for parameter in all where !names.contains(parameter.name) {
            let near = NearMiss.of(parameter.name, among: names).map { "; did you mean '\($0)'?" }
            let accepted = names.isEmpty ? "none is accepted" : "accepted: \(names.joined(separator: ", "))"
            throw .bad("unknown parameter '\(parameter.name)'\(near ?? "; " + accepted)")
        }
    }

    func texts(_ name: String) -> [String] { all.filter { $0.name == name }.map(\.value) }

    func text(_ name: String) throws(PageRefusal) -> String? {
        let texts = texts(name)
        guard texts.count <= 1 else { throw .bad("the parameter '\(name)' is given more than once") }
        return texts.first
    }

    func word(_ name: String, of words: [String]) throws(PageRefusal) -> String? {
        guard let text = try text(name) else { return nil }
        guard words.contains(text) else {
            throw .bad("\(name) must be \(words.joined(separator: ", "))")
        }
        return text
    }

    /// Of a parameter that may be given several times.
    func words(_ name: String, of words: [String]) throws(PageRefusal) -> [String] {
        let texts = texts(name)
        guard texts.allSatisfy({ words.contains($0) }) else {
            throw .bad("\(name) must be \(words.joined(separator: ", "))")
        }
        return texts
    }

    /// Where an earlier answer ended.
    func position(_ name: String) throws(PageRefusal) -> EventPosition? {
        guard let text = try text(name) else { return nil }
        guard let position = EventPosition(text) else {
            throw .bad("\(name) must be the value of an earlier answer")
        }
        return position
    }

    func count(_ name: String, in range: ClosedRange<Int>) throws(PageRefusal) -> Int? {
        guard let text = try text(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw .bad("\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func score(_ name: String) throws(PageRefusal) -> Float? {
        guard let text = try text(name) else { return nil }
        guard let number = Float(text), abs(number) <= 1_000_000 else {
            throw .bad("\(name) must be a number from -1000000 to 1000000")
        }
        return number
    }

    /// A time in UTC (`2026-01-31T22:05:00Z`), or a span before now (`90s`, `30m`, `24h`, `7d`).
    func time(_ name: String) throws(PageRefusal) -> Timestamp? {
        guard let text = try text(name) else { return nil }
        if let time = Timestamp(text) ?? Timestamp(text.replacing(/Z$/, with: ".000Z")) { return time }
        if let unit = text.last, let seconds = ["s": 1, "m": 60, "h": 3600, "d": 86_400][unit] as Int64?,
            let count = Self.natural(text.dropLast(), digits: unit == "d" ? 4 : 6)
        {
            return Timestamp(unixNanos: now.unixNanos - count * seconds * 1_000_000_000)
        }
        throw .bad("\(name) must be a time such as 2026-01-31T22:05:00Z, or a span before now such as 24h")
    }

    /// A number of decimal digits and nothing else.
    static func natural(_ text: some StringProtocol, digits: Int) -> Int64? {
        guard (1...digits).contains(text.utf8.count),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int64(text)
    }

    static let filterNames = ["since", "until", "label", "daemon"]

    /// The filter of ``filterNames``.
    func filter() throws(PageRefusal) -> EventFilter {
        EventFilter(
            since: try time("since"), until: try time("until"), labels: texts("label"),
            daemons: texts("daemon"))
    }
}
