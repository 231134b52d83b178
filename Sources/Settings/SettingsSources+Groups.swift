internal import Detection

extension SettingsSources {
    /// Reads `groups`: those of the file, and `--set groups.NAME=MEMBER:MEMBER`.
    func readGroups(_ file: SettingsFile?, into loaded: inout LoadedSettings) -> [SettingsProblem] {
        var problems: [SettingsProblem] = []
        var groups = file?.groups.map(\.group) ?? []
        for entry in file?.groups ?? [] {
            loaded.origins[Self.key(entry.group)] = .file(path: file?.path ?? "", line: entry.line)
        }
        let prefix = SettingTable.groupsKey + "."
        for (key, texts) in flags.sorted(by: { $0.key < $1.key }) where key.hasPrefix(prefix) {
            let members = texts.flatMap { $0.split(separator: ":").map(String.init) }
            let group = LabelGroup(name: String(key.dropFirst(prefix.count)), members: members)
            if let index = groups.firstIndex(where: { $0.name == group.name }) {
                groups[index] = group
            } else {
                groups.append(group)
            }
            loaded.origins[key] = .flag("--set")
        }
        func add(_ group: LabelGroup, _ reason: String) {
            let key = Self.key(group)
            problems.append(
                SettingsProblem(
                    origin: loaded.origins[key] ?? .fallback, kind: .contradiction("\(key) \(reason)")))
        }
        for group in groups {
            if group.name.isEmpty || group.members.contains("") {
                add(group, "has a name without a letter; expected labels")
            } else if group.members.isEmpty {
                add(group, "has no members; expected a list of labels")
            } else if let twice = group.members.indices.first(where: {
                group.members[..<$0].contains(group.members[$0])
            }) {
                add(group, "has the member '\(group.members[twice])' twice")
            } else if group.combination == .noisyOr, loaded.settings.activation == "none" {
                add(group, "combines probabilities (noisy_or), and activation: none has none; use maximum")
            }
        }
        if problems.isEmpty, let cycle = LabelGroup.cycle(in: groups),
            let group = groups.first(where: { $0.name == cycle[0] })
        {
            add(group, "contains itself: \(cycle.joined(separator: " > "))")
        }
        loaded.settings.detection.groups = groups
        return problems
    }

    private static func key(_ group: LabelGroup) -> String { "\(SettingTable.groupsKey).\(group.name)" }
}
