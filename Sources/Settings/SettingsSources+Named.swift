internal import Detection

extension SettingsSources {
    /// Reads `sources`, unless a later layer than the file has a source.
    func readSources(_ file: SettingsFile?, into loaded: inout LoadedSettings) -> [SettingsProblem] {
        guard let file, !file.sources.isEmpty else {
            return flags.keys.filter { $0.hasPrefix(SettingTable.sourcesKey + ".") }.sorted().map { key in
                SettingsProblem(
                    origin: .flag("--set"),
                    kind: .contradiction("\(key): the configuration file has no sources"))
            }
        }
        var problems: [SettingsProblem] = []
        var sources: [SourceSettings] = []
        var named = Set<String>()
        for entry in file.sources {
            let name = entry.name
            var source = SourceSettings(name: name)
            problems += read(entry.file, into: &source, &loaded)
            named.insert(name)
            let origin = SettingOrigin.file(path: file.path, line: entry.line)
            loaded.origins[source.key("")] = origin
            if source.texts["source"] == nil, entry.file.problems.isEmpty {
                let reason =
                    "\(SettingTable.sourcesKey).\(name) has no source, such as \"source: pulse:*USB*\""
                problems.append(SettingsProblem(origin: origin, kind: .contradiction(reason)))
            }
            if let input = Self.exclusiveInput(of: source),
                let other = sources.first(where: { Self.exclusiveInput(of: $0) == input })
            {
                let reason = "sources \(other.name) and \(name) both read \(input), which can have one reader"
                problems.append(SettingsProblem(origin: origin, kind: .contradiction(reason)))
            }
            sources.append(source)
        }
        if sources.count > SourceSettings.maximumCount {
            let reason = "\(sources.count) sources; expected at most \(SourceSettings.maximumCount)"
            let origin = SettingOrigin.file(path: file.path, line: nil)
            problems.append(SettingsProblem(origin: origin, kind: .contradiction(reason)))
        }
        var all = loaded.settings
        all.sources = sources
        if sources.count <= SourceSettings.maximumCount, all.streams.count > SourceSettings.maximumCount {
            let reason =
                "\(all.streams.count) streams, with those of channel: each; "
                + "expected at most \(SourceSettings.maximumCount)"
            let origin = SettingOrigin.file(path: file.path, line: nil)
            problems.append(SettingsProblem(origin: origin, kind: .contradiction(reason)))
        }
        problems += unknownSources(named)
        switch loaded.origins["source"] {
        case .file(_, let line):
            let reason = "source and sources are both given; remove source, or move it into sources"
            let origin = SettingOrigin.file(path: file.path, line: line)
            problems.append(SettingsProblem(origin: origin, kind: .contradiction(reason)))
        case .flag, .variable: break
        case .fallback, nil: loaded.settings.sources = sources
        }
        return problems
    }

    /// Reads the settings of one source, from the file and from `--set sources.NAME.SETTING=VALUE`.
    private func read(
        _ file: SettingsFile, into source: inout SourceSettings, _ loaded: inout LoadedSettings
    ) -> [SettingsProblem] {
        var problems: [SettingsProblem] = []
        var settings = loaded.settings
        for row in SettingTable.rows where row.isPerSource {
            let key = source.key(row.key)
            let written: (texts: [String], origin: SettingOrigin)
            if let texts = flags[key] {
                written = (texts, .flag("--set"))
            } else if let entry = file.entries[row.key] {
                written = (entry.texts, .file(path: file.path, line: entry.line))
            } else {
                continue
            }
            do throws(SettingsProblem) {
                source.texts[row.key] = try read(
                    written.texts, of: row, key: key, from: written.origin, into: &settings)
                loaded.origins[key] = written.origin
            } catch {
                problems.append(error)
            }
        }
        for (label, fields) in file.labels.sorted(by: { $0.key < $1.key }) {
            for (field, entry) in fields.sorted(by: { $0.key < $1.key }) {
                let key = source.key("\(SettingTable.labelsKey).\(label).\(field)")
                let origin = SettingOrigin.file(path: file.path, line: entry.line)
                var exception = source.exceptions[label] ?? DetectionException()
                if SettingTable.read(entry.texts.joined(), field, into: &exception) {
                    source.exceptions[label] = exception
                    loaded.origins[key] = origin
                } else {
                    let allowed = SettingTable.byKey["detection.\(field)"]?.allowed ?? "a number"
                    let kind = SettingsProblem.Kind.badValue(
                        key: key, found: entry.texts.joined(), allowed: allowed)
                    problems.append(SettingsProblem(origin: origin, kind: kind))
                }
            }
        }
        let all = loaded.settings.settings(of: source)
        return problems + loaded.contradictions(in: all, source.key(""))
    }

    /// Problems of `--set` with sources or settings that do not exist.
    private func unknownSources(_ names: Set<String>) -> [SettingsProblem] {
        let prefix = SettingTable.sourcesKey + "."
        return flags.keys.filter { $0.hasPrefix(prefix) }.sorted().compactMap { key in
            let rest = key.dropFirst(prefix.count)
            let name = String(rest.prefix { $0 != "." })
            let setting = String(rest.dropFirst(name.count + 1))
            let kind: SettingsProblem.Kind
            if !names.contains(name) {
                kind = .unknownKey(key, near: nil, allowed: names.sorted().map { prefix + $0 })
            } else if SettingTable.byKey[setting]?.isPerSource != true {
                let allowed = SettingTable.rows.filter(\.isPerSource).map(\.key)
                kind = .unknownKey(key, near: nil, allowed: allowed)
            } else {
                return nil
            }
            return SettingsProblem(origin: .flag("--set"), kind: kind)
        }
    }

    /// What only one source can read: two would take each other's bytes.
    private static func exclusiveInput(of source: SourceSettings) -> Substring? {
        let text = source.texts["source"]?.first ?? ""
        if text.hasPrefix("stdin") { return "stdin" }
        return text.hasPrefix("pipe:") ? text.prefix { $0 != "?" } : nil
    }
}
