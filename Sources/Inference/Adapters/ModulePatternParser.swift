/// Compiles the part of Python's regular expressions that ``ModulePattern`` matches:
/// characters, `.`, `[...]`, `\d \w \s` and their opposites, escapes, `(...)`, `(?:...)`, `|`, `*`, `+`, `?`,
/// `{m,n}` (lazy or not: only whether it matches counts), `^`, `$`, `\b`.
struct ModulePatternParser {
    private typealias Step = ModulePattern.Step
    private typealias CharacterSet = ModulePattern.CharacterSet

    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var depth = 0
    private var isTooLong = false

    private static let maximumDepth = 50

    init(_ key: String) { scalars = Array(key.unicodeScalars) }

    /// - Returns: The steps, ended by `match`; `nil` for an unsupported or too long expression.
    mutating func parse() -> [ModulePattern.Step]? {
        guard scalars.count <= ModulePattern.maximumSteps, let steps = alternatives(),
            position == scalars.count,
            !isTooLong
        else { return nil }
        return steps + [.match]
    }

    // While steps are assembled, they refer to others by distance; see ``shifted``.

    private mutating func alternatives() -> [Step]? {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth, var steps = sequence() else { return nil }
        while accept("|") {
            guard let other = sequence() else { return nil }
            // split first, second; first; jump end; second
            steps =
                [.split(1, steps.count + 2)] + Self.shifted(steps, by: 1)
                + [.jump(steps.count + 2 + other.count)] + Self.shifted(other, by: steps.count + 2)
            guard steps.count <= ModulePattern.maximumSteps else { return nil }
        }
        return steps
    }

    private mutating func sequence() -> [Step]? {
        var steps: [Step] = []
        while let next = peek(), next != "|", next != ")" {
            guard let item = repeated() else { return nil }
            steps += Self.shifted(item, by: steps.count)
            guard steps.count <= ModulePattern.maximumSteps else { return nil }
        }
        return steps
    }

    /// One item and its quantifier: `*`, `+`, `?`, `{m,n}`.
    private mutating func repeated() -> [Step]? {
        guard let item = item() else { return nil }
        var bounds: (least: Int, most: Int?)?
        switch peek() {
        case "*": bounds = (0, nil)
        case "+": bounds = (1, nil)
        case "?": bounds = (0, 1)
        case "{":
            guard let braces = braces() else { return item + [.one(Self.single("{"))] }
            bounds = braces
            position -= 1  // As if a single character had been peeked.
        default: return item
        }
        position += 1
        _ = accept("?")
        if let next = peek(), "*+?{".unicodeScalars.contains(next) { return nil }  // Python: multiple repeat
        guard let bounds else { return item }
        return Self.repeated(item, atLeast: bounds.least, atMost: bounds.most)
    }

    private static func repeated(_ item: [Step], atLeast least: Int, atMost most: Int?) -> [Step]? {
        let copies = max(least, most ?? 0) + 1
        guard (item.count + 2) * copies <= ModulePattern.maximumSteps, most.map({ $0 >= least }) ?? true
        else {
            return nil
        }
        var steps: [Step] = []
        for _ in 0..<least { steps += shifted(item, by: steps.count) }
        if let most {
            for _ in least..<most {
                let start = steps.count
                steps += [.split(start + 1, start + 1 + item.count)] + shifted(item, by: start + 1)
            }
        } else {
            let start = steps.count
            steps +=
                [.split(start + 1, start + 2 + item.count)] + shifted(item, by: start + 1) + [.jump(start)]
        }
        return steps
    }

    private static func shifted(_ steps: [Step], by offset: Int) -> [Step] {
        steps.map { step in
            switch step {
            case .split(let first, let second): .split(first + offset, second + offset)
            case .jump(let target): .jump(target + offset)
            default: step
            }
        }
    }

    /// `{m}`, `{m,}`, `{,n}` or `{m,n}`; otherwise returns `nil` and consumes only the brace, which Python
    /// then reads as a character.
    private mutating func braces() -> (least: Int, most: Int?)? {
        let start = position
        position += 1
        let least = number()
        let hasComma = accept(",")
        let most = hasComma ? number() : least
        guard accept("}"), least != nil || most != nil || hasComma else {
            position = start + 1
            return nil
        }
        if max(least ?? 0, most ?? 0) > ModulePattern.maximumSteps {
            isTooLong = true
            return (0, 0)
        }
        return (least ?? 0, most)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let next = peek(), ("0"..."9").contains(next), (value ?? 0) < 100_000 {
            value = (value ?? 0) * 10 + Int(next.value - 48)
            position += 1
        }
        return value
    }

    private mutating func item() -> [Step]? {
        guard let first = take() else { return nil }
        switch first {
        case "(":
            if accept("?") { guard accept(":") else { return nil } }
            guard let steps = alternatives(), accept(")") else { return nil }
            return steps
        case "[": return bracket().map { [.one($0)] }
        case ".": return [.one(.any)]
        case "^": return [.begin]
        case "$": return [.end]
        case "*", "+", "?": return nil
        case "\\":
            guard let escaped = take() else { return nil }
            switch escaped {
            case "b": return [.wordBoundary(true)]
            case "B": return [.wordBoundary(false)]
            case "A": return [.begin]
            case "Z": return [.end]
            default: return Self.escape(escaped).map { [.one($0)] }
            }
        default: return [.one(Self.single(first))]
        }
    }

    private mutating func bracket() -> CharacterSet? {
        var set = CharacterSet(ranges: [], isNegated: accept("^"))
        var isFirst = true
        while let scalar = take() {
            if scalar == "]", !isFirst { return set }
            isFirst = false
            var low = CharacterSet(ranges: [scalar.value...scalar.value])
            if scalar == "\\" {
                guard let escaped = take(), let known = Self.escape(escaped), !known.isNegated else {
                    return nil
                }
                low = known
            }
            if peek() == "-", position + 1 < scalars.count, scalars[position + 1] != "]" {
                position += 1
                guard let high = take(), high != "\\", let from = low.ranges.first, low.ranges.count == 1,
                    from.lowerBound == from.upperBound, high.value >= from.lowerBound
                else { return nil }
                set.ranges.append(from.lowerBound...high.value)
            } else {
                set.ranges += low.ranges
            }
        }
        return nil
    }

    private static func single(_ scalar: Unicode.Scalar) -> CharacterSet {
        CharacterSet(ranges: [scalar.value...scalar.value])
    }

    private static func escape(_ scalar: Unicode.Scalar) -> CharacterSet? {
        let digits: [ClosedRange<UInt32>] = [0x30...0x39]
        let word: [ClosedRange<UInt32>] = digits + [0x41...0x5A, 0x5F...0x5F, 0x61...0x7A]
        let space: [ClosedRange<UInt32>] = [0x09...0x0D, 0x20...0x20]
        switch scalar {
        case "d": return CharacterSet(ranges: digits)
        case "D": return CharacterSet(ranges: digits, isNegated: true)
        case "w": return CharacterSet(ranges: word)
        case "W": return CharacterSet(ranges: word, isNegated: true)
        case "s": return CharacterSet(ranges: space)
        case "S": return CharacterSet(ranges: space, isNegated: true)
        case "n": return single("\n")
        case "t": return single("\t")
        // Other letters and digits are Python escapes that are not supported.
        default: return scalar.isWordCharacter && scalar != "_" ? nil : single(scalar)
        }
    }

    private func peek() -> Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func take() -> Unicode.Scalar? {
        guard let scalar = peek() else { return nil }
        position += 1
        return scalar
    }

    private mutating func accept(_ scalar: Unicode.Scalar) -> Bool {
        guard peek() == scalar else { return false }
        position += 1
        return true
    }
}
