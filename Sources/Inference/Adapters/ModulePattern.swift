/// A key of `alpha_pattern`: a Python regular expression that PEFT matches with the whole path of a module,
/// or with its end after a dot: `re.match(r"(.*\.)?(KEY)$", path)`.
///
/// `alpha_pattern` is untrusted input, so it is matched by following all alternatives at once (Thompson:
/// "Regular expression search algorithm", 1968): the time is at most path x expression. This method supports
/// neither look-around nor back references; names of modules do not need them.
struct ModulePattern: Sendable {
    /// One step of the compiled expression.
    enum Step: Equatable, Sendable {
        /// Consumes one character of the set.
        case one(CharacterSet)
        /// Continues at both.
        case split(Int, Int)
        case jump(Int)
        /// Matches only at the beginning of the path.
        case begin
        case end
        case wordBoundary(Bool)
        case match
    }

    /// The characters that a step consumes: ranges of scalars, or all others.
    struct CharacterSet: Equatable, Sendable {
        var ranges: [ClosedRange<UInt32>]
        var isNegated = false

        static let any = CharacterSet(ranges: [0x0A...0x0A], isNegated: true)

        func contains(_ scalar: Unicode.Scalar) -> Bool {
            ranges.contains { $0.contains(scalar.value) } != isNegated
        }
    }

    static let maximumSteps = 2000
    let steps: [Step]

    /// - Returns: `nil` when `key` is not a regular expression, or not a supported one.
    init?(_ key: String) {
        var parser = ModulePatternParser(key)
        guard let steps = parser.parse() else { return nil }
        self.steps = steps
    }

    func matches(_ path: String) -> Bool {
        let scalars = Array(path.unicodeScalars)
        var current = Threads(count: steps.count), next = Threads(count: steps.count)
        // The key may begin at the path's beginning and after each dot.
        for position in 0...scalars.count {
            if position == 0 || scalars[position - 1] == "." {
                follow(0, at: position, scalars, into: &current)
            }
            if position == scalars.count { break }
            next.clear()
            for step in current.list {
                if case .one(let set) = steps[step], set.contains(scalars[position]) {
                    follow(step + 1, at: position + 1, scalars, into: &next)
                }
            }
            swap(&current, &next)
        }
        return current.list.contains { steps[$0] == .match }
    }

    /// Adds the steps that are reachable from `first` without consuming a character.
    private func follow(_ first: Int, at position: Int, _ path: [Unicode.Scalar], into threads: inout Threads)
    {
        var pending = [first]
        while let step = pending.popLast() {
            guard threads.insert(step) else { continue }
            switch steps[step] {
            case .one, .match: break
            case .jump(let target): pending.append(target)
            case .split(let first, let second): pending += [second, first]
            case .begin: if position == 0 { pending.append(step + 1) }
            case .end: if position == path.count { pending.append(step + 1) }
            case .wordBoundary(let wanted):
                let before = position > 0 && path[position - 1].isWordCharacter
                let after = position < path.count && path[position].isWordCharacter
                if (before != after) == wanted { pending.append(step + 1) }
            }
        }
    }

    /// A set of steps in the order they were added.
    private struct Threads {
        private(set) var list: [Int] = []
        private var isMember: [Bool]

        init(count: Int) { isMember = Array(repeating: false, count: count) }

        mutating func insert(_ step: Int) -> Bool {
            guard !isMember[step] else { return false }
            isMember[step] = true
            list.append(step)
            return true
        }

        mutating func clear() {
            for step in list { isMember[step] = false }
            list.removeAll(keepingCapacity: true)
        }
    }
}

extension Unicode.Scalar {
    /// Python's `\w`, limited to ASCII, as in names of modules.
    var isWordCharacter: Bool {
        ("a"..."z").contains(self) || ("A"..."Z").contains(self) || ("0"..."9").contains(self) || self == "_"
            || (value > 0x7F && properties.isAlphabetic)
    }
}
