/// Several labels under one name, whose score follows from theirs.
///
/// A member is a label, or the name of another group. In a group's own list, its own name is the label of
/// that name: `Dog: [Dog, Bark]` replaces the label `Dog`.
public struct LabelGroup: Equatable, Sendable {
    /// How the score of a group follows from those of its members.
    public enum Combination: String, CaseIterable, Sendable {
        /// The highest.
        case maximum
        /// The probability that at least one of them is right, if they are independent:
        /// `1 - (1 - a)(1 - b)...`.
        case noisyOr = "noisy_or"
    }

    public var name: String
    public var members: [String]
    public var combination: Combination

    public init(name: String, members: [String], combination: Combination = .maximum) {
        self.name = name
        self.members = members
        self.combination = combination
    }

    /// Its members but for its own name.
    public var otherMembers: Set<String> { Set(members).subtracting([name]) }

    /// The first way from a group back to itself, over its members; `nil` if no group contains itself.
    public static func cycle(in groups: [LabelGroup]) -> [String]? {
        let members = Dictionary(groups.map { ($0.name, $0.otherMembers) }) { first, _ in first }
        var acyclic: Set<String> = []
        func cycle(_ path: [String]) -> [String]? {
            let name = path[path.count - 1]
            if acyclic.contains(name) { return nil }
            if let start = path.dropLast().firstIndex(of: name) { return Array(path[start...]) }
            for member in (members[name] ?? []).sorted() {
                if let found = cycle(path + [member]) { return found }
            }
            acyclic.insert(name)
            return nil
        }
        return groups.lazy.compactMap { cycle([$0.name]) }.first
    }
}

/// The labels of a network together with groups of them.
///
/// A group that contains the label of its own name takes that label's place; the others follow the network's
/// labels, in their order. A group of which the network has no member does not exist.
public struct GroupedLabels: Equatable, Sendable {
    private struct Step: Equatable, Sendable {
        /// Where the group's score goes.
        var targets: [Int]
        var members: [Int]
        var combination: LabelGroup.Combination
    }

    /// By index: those of the network, then groups.
    public private(set) var labels: [String]
    /// Groups that do not exist, because the network has a label of that name that is not one of the group's
    /// members.
    public private(set) var collisions: [String] = []
    /// In an order in which a group follows the groups that it contains.
    private var steps: [Step] = []

    /// - Parameters:
    ///   - labels: Of the network, by class index.
    ///   - groups: Without a ``LabelGroup/cycle(in:)``.
    public init(_ labels: [String], groups: [LabelGroup] = []) {
        self.labels = labels
        let classes = Dictionary(grouping: labels.indices) { labels[$0] }
        collisions = groups.filter { classes[$0.name] != nil && !$0.members.contains($0.name) }.map(\.name)
        var open = groups.filter { !collisions.contains($0.name) }
        var formed: [String: [Int]] = [:]
        // Without a cycle, one of the open groups contains none of the others.
        while let index = open.firstIndex(where: { group in
            !open.contains { group.otherMembers.contains($0.name) }
        }) {
            let group = open.remove(at: index)
            let members = Set(group.members).flatMap { member in
                (member == group.name ? nil : formed[member]) ?? classes[member] ?? []
            }
            if members.isEmpty { continue }
            let targets = classes[group.name] ?? [self.labels.count]
            if classes[group.name] == nil { self.labels.append(group.name) }
            formed[group.name] = targets
            steps.append(Step(targets: targets, members: members.sorted(), combination: group.combination))
        }
    }

    /// Computes the scores of the groups from those of the network.
    ///
    /// - Parameter scores: `[labels]`, of which those of the network are set.
    public func apply(_ scores: UnsafeMutableBufferPointer<Float>) {
        precondition(scores.count == labels.count, "a score for each label")
        for step in steps {
            let score =
                switch step.combination {
                case .maximum: step.members.reduce(-Float.infinity) { max($0, scores[$1]) }
                case .noisyOr:
                    Float(
                        1
                            - step.members.reduce(1.0) {
                                $0 * (1 - Double(min(max(scores[$1], 0), 1)))
                            })
                }
            for target in step.targets { scores[target] = score }
        }
    }
}
