public import Detection
private import TextSupport

/// What is wrong with groups of labels, beside the labels that models and adapters have.
public enum GroupProblems {
    /// Members that no model or adapter has, each a sentence that names the setting: typing errors, or labels
    /// of an adapter that is not loaded yet.
    ///
    /// - Parameter known: The labels of all of them; may contain the groups.
    public static func unknownMembers(
        of groups: [LabelGroup], known: some Sequence<String>
    ) -> [String] {
        let names = Set(groups.map(\.name))
        let labels = Set(known)
        return groups.flatMap { group in
            group.members.filter { member in
                // The group itself is among the labels if one of its members is.
                !labels.contains(member) && (member == group.name || !names.contains(member))
            }.map { member in
                let near = NearMiss.of(member, among: labels.union(names).subtracting([group.name]).sorted())
                let advice = near.map { "; did you mean '\($0)'?" } ?? ""
                return "groups.\(group.name): no loaded model or adapter has a label '\(member)'\(advice)"
            }
        }
    }

    /// Groups that a variant cannot have, each a sentence that names the setting.
    public static func collisions(in variant: Variant) -> [String] {
        let subject = variant.adapter.map { "adapter \($0)" } ?? "the model"
        return variant.grouped.collisions.map { name in
            "groups.\(name): \(subject) has a label '\(name)' that is not a member of the group; add it to the "
                + "members, or give the group another name"
        }
    }
}
