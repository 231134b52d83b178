private import Detection
private import SystemSupport
private import TextSupport

/// Settings, and the place that each comes from.
public struct LoadedSettings: Equatable, Sendable {
    public var settings: DaemonSettings
    /// The file that was read; `nil` when there is none.
    public var file: String?
    /// By key; a key that is absent has its default.
    public internal(set) var origins: [String: SettingOrigin] = [:]
    /// Whether the file has no settings.
    public internal(set) var isFileEmpty = false

    public init(settings: DaemonSettings, file: String? = nil) {
        self.settings = settings
        self.file = file
    }

    /// What a setting amounts to on this machine when it is not set, and why.
    public struct Resolution: Equatable, Sendable {
        /// `nil` where there is nothing to print in place of `null`.
        public var value: String?
        public var reason: String

        public init(_ value: String?, _ reason: String) {
            self.value = value
            self.reason = reason
        }
    }

    /// The effective settings as a configuration file, with each line's origin in a comment. Passwords in
    /// addresses are masked: this text becomes part of reports.
    ///
    /// - Parameter resolutions: By key, for settings whose value is `null` or `auto`.
    public func text(resolving resolutions: [String: Resolution] = [:]) -> String {
        var lines: [String] = []
        var section = ""
        // The sources replace `source`.
        for row in SettingTable.rows where settings.sources.isEmpty || row.key != "source" {
            let parts = row.components
            if parts.count == 2, parts[0] != section {
                lines += exceptionLines(after: section) + ["\(parts[0]):"]
                section = parts[0]
            }
            let indent = parts.count == 2 ? "  " : ""
            let resolution = resolutions[row.key]
            let value = row.show(settings) ?? resolution?.value.map { [$0] }
            let text =
                row.isList
                ? "[" + (value ?? []).map { YAMLNode.scalar($0) }.joined(separator: ", ") + "]"
                : value.map { $0.isEmpty ? "" : YAMLNode.scalar(Credentials.masked($0[0])) } ?? "null"
            lines.append(line("\(indent)\(parts.last ?? ""): \(text)", row.key, resolution?.reason))
        }
        return (lines + groupLines() + sourceLines() + streamLines()).map { $0 + "\n" }.joined()
    }

    /// The streams of sources with `channel: each`, as a comment.
    private var streamsOfChannels: [StreamSettings] { settings.streams.filter { $0.channel != nil } }

    private func streamLines() -> [String] {
        var lines: [String] = []
        for stream in streamsOfChannels where stream.channel?.number == 1 {
            let names = streamsOfChannels.filter { $0.channel?.source == stream.channel?.source }
            let subject = stream.channel?.source.map { "sources.\($0)" } ?? "channel: each"
            lines.append("# \(subject) makes the sources \(names.compactMap(\.name).joined(separator: ", "))")
        }
        return lines
    }

    private func groupLines() -> [String] {
        let groups = settings.detection.groups
        if groups.isEmpty { return [line("\(SettingTable.groupsKey): {}", SettingTable.groupsKey)] }
        return ["\(SettingTable.groupsKey):"]
            + groups.map { group in
                line(
                    "  \(YAMLNode.scalar(group.name)): \(SettingTable.text(group, YAMLNode.scalar))",
                    "\(SettingTable.groupsKey).\(group.name)")
            }
    }

    private func sourceLines() -> [String] {
        if settings.sources.isEmpty {
            return [line("\(SettingTable.sourcesKey): {}", SettingTable.sourcesKey)]
        }
        return ["\(SettingTable.sourcesKey):"]
            + settings.sources.flatMap { source in
                ["  \(source.name):"] + ownLines(source)
                    + exceptionLines(source)
            }
    }

    private func ownLines(_ source: SourceSettings) -> [String] {
        SettingTable.rows.compactMap { row in
            source.texts[row.key].map { texts in
                let scalars = texts.map { YAMLNode.scalar(Credentials.masked($0)) }.joined(separator: ", ")
                return line("    \(row.key): \(row.isList ? "[\(scalars)]" : scalars)", source.key(row.key))
            }
        }
    }

    private func exceptionLines(_ source: SourceSettings) -> [String] {
        if source.exceptions.isEmpty { return [] }
        return ["    \(SettingTable.labelsKey):"]
            + source.exceptions.sorted { $0.key < $1.key }.flatMap { label, exception in
                ["      \(YAMLNode.scalar(label)):"]
                    + SettingTable.show(exception).map { field, text in
                        let key = source.key("\(SettingTable.labelsKey).\(label).\(field)")
                        return line("        \(field): \(text)", key)
                    }
            }
    }

    private func exceptionLines(after section: String) -> [String] {
        guard section == "detection" else { return [] }
        let exceptions = settings.detection.exceptions.sorted { $0.key < $1.key }
        if exceptions.isEmpty { return [line("  labels: {}", SettingTable.labelsKey)] }
        return ["  labels:"]
            + exceptions.flatMap { label, exception in
                ["    \(YAMLNode.scalar(label)):"]
                    + SettingTable.show(exception).map { field, text in
                        line("      \(field): \(text)", "\(SettingTable.labelsKey).\(label).\(field)")
                    }
            }
    }

    private func line(_ text: String, _ key: String, _ reason: String? = nil) -> String {
        let origin = origins[key] ?? .fallback
        let width = 44
        return text + String(repeating: " ", count: max(1, width - text.count)) + "# \(origin)"
            + (reason.map { ": " + $0 } ?? "")
    }

    /// Settings that contradict each other.
    ///
    /// - Parameter prefix: Of the keys of a source.
    func contradictions(in settings: DaemonSettings, _ prefix: String = "") -> [SettingsProblem] {
        let detection = settings.detection
        let exceptions = detection.exceptions.keys.sorted().map {
            contradiction(in: detection.rule(for: $0), "\(prefix)\(SettingTable.labelsKey).\($0)")
        }
        let clips = prefix.isEmpty ? contradiction(in: settings.clips) : nil
        let own = [
            contradiction(in: detection.rule, prefix + "detection"), clips,
            contradiction(inChannelOf: settings, prefix),
        ]
        return (own + exceptions).compactMap { $0 }
    }

    /// A source whose channels cannot be streams.
    private func contradiction(inChannelOf settings: DaemonSettings, _ prefix: String) -> SettingsProblem? {
        guard let reason = EachChannel(settings.channel)?.problem(of: settings.source) else { return nil }
        let origin = [prefix + "channel", prefix + "source", "channel"].lazy.compactMap { self.origins[$0] }
        return SettingsProblem(
            origin: origin.first ?? .fallback, kind: .contradiction("\(prefix)channel: \(reason)"))
    }

    /// A clip that would end before its event.
    private func contradiction(in clips: ClipSettings) -> SettingsProblem? {
        guard clips.preSeconds > 0, clips.preSeconds >= clips.maximumSeconds,
            let origin = origins["clips.pre_seconds"] ?? origins["clips.maximum_seconds"]
        else { return nil }
        let reason =
            "clips.pre_seconds is \(clips.preSeconds) and clips.maximum_seconds is \(clips.maximumSeconds), which "
            + "ends the clip before its event; expected less"
        return SettingsProblem(origin: origin, kind: .contradiction(reason))
    }

    /// A rule that no score can follow.
    private func contradiction(in rule: DetectionRule, _ key: String) -> SettingsProblem? {
        func problem(_ field: String, _ reason: String) -> SettingsProblem? {
            // An exception whose field comes from the common rule has the same problem as that rule.
            guard let origin = origins["\(key).\(field)"] else { return nil }
            return SettingsProblem(origin: origin, kind: .contradiction(reason))
        }
        let isLogit = settings.activation == "none"
        if !isLogit, rule.on > 1 {
            return problem(
                "on",
                "\(key).on is \(rule.on), which no score reaches; expected more than 0 and at most 1, "
                    + "or activation: none for logits")
        }
        if !isLogit, rule.on <= 0 {
            return problem(
                "on",
                "\(key).on is \(rule.on), which every score reaches; expected more than 0 and at most 1, "
                    + "or activation: none for logits")
        }
        guard let off = rule.off else { return nil }
        if off > rule.on {
            let reason = "\(key).off is \(off) and \(key).on is \(rule.on); off must not be above on"
            return problem("off", reason) ?? problem("on", reason)
        }
        if !isLogit, off <= 0 {
            return problem(
                "off",
                "\(key).off is \(off): no score is below it, so that an event would never end; "
                    + "expected more than 0 and at most 1, or activation: none for logits")
        }
        return nil
    }
}

/// The changes of a reload.
public struct SettingsChanges: Equatable, Sendable {
    /// One `name: before -> after` each, effective at once.
    public var applied: [String] = []
    /// The same, effective after a restart.
    public var postponed: [String] = []

    public var isEmpty: Bool { applied.isEmpty && postponed.isEmpty }

    public init(from old: DaemonSettings, to new: DaemonSettings) {
        for row in SettingTable.rows {
            let (before, after) = (row.show(old), row.show(new))
            guard before != after else { continue }
            let text = "\(row.key): \(Self.text(before)) -> \(Self.text(after))"
            if row.isLive { applied.append(text) } else { postponed.append(text) }
        }
        addGroups(old.detection.groups, new.detection.groups)
        addSources(old.sources, new.sources)
        let labels = Set(old.detection.exceptions.keys).union(new.detection.exceptions.keys).sorted()
        for label in labels {
            let (before, after) = (old.detection.exceptions[label], new.detection.exceptions[label])
            if before != after {
                applied.append(
                    "\(SettingTable.labelsKey).\(label): \(Self.text(before)) -> \(Self.text(after))")
            }
        }
    }

    private mutating func addGroups(_ old: [LabelGroup], _ new: [LabelGroup]) {
        func text(_ group: LabelGroup?) -> String { group.map { SettingTable.text($0) { $0 } } ?? "none" }
        for name in Set((old + new).map(\.name)).sorted() {
            let (before, after) = (old.first { $0.name == name }, new.first { $0.name == name })
            guard before != after else { continue }
            postponed.append("\(SettingTable.groupsKey).\(name): \(text(before)) -> \(text(after))")
        }
    }

    /// Sources come, go and change at once; but one unnamed source and a map do not replace each other.
    private mutating func addSources(_ old: [SourceSettings], _ new: [SourceSettings]) {
        let isLive = !old.isEmpty && !new.isEmpty
        for name in Set((old + new).map(\.name)).sorted() {
            let (before, after) = (old.first { $0.name == name }, new.first { $0.name == name })
            guard before != after else { continue }
            let (left, right) = (before?.shown ?? [], after?.shown ?? [])
            for key in Set((left + right).map(\.key)).sorted() {
                let (value, next) = (left.first { $0.key == key }, right.first { $0.key == key })
                guard value?.texts != next?.texts else { continue }
                let text =
                    "\(SettingTable.sourcesKey).\(name).\(key): "
                    + "\(Self.text(value?.texts)) -> \(Self.text(next?.texts))"
                if isLive { applied.append(text) } else { postponed.append(text) }
            }
        }
    }

    private static func text(_ value: [String]?) -> String {
        value.map { $0.isEmpty ? "none" : Credentials.masked($0.joined(separator: ", ")) } ?? "null"
    }

    private static func text(_ exception: DetectionException?) -> String {
        guard let exception else { return "none" }
        return SettingTable.show(exception).map { "\($0.field) \($0.text)" }.joined(separator: ", ")
    }
}

extension DaemonSettings {
    /// `new` for the settings that a reload can change, this for the others.
    public func reloaded(with new: DaemonSettings) -> DaemonSettings {
        var settings = self
        for row in SettingTable.rows where row.isLive {
            _ = row.read(row.show(new) ?? ["null"], &settings)
        }
        settings.detection.exceptions = new.detection.exceptions
        if !sources.isEmpty, !new.sources.isEmpty { settings.sources = new.sources }
        return settings
    }
}
