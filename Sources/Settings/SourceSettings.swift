internal import Detection

/// A source of `sources:`: its name, and the settings that it does not share with the others.
public struct SourceSettings: Equatable, Sendable {
    /// Part of records and requests.
    public var name: String
    /// Texts by key of ``SettingTable``, only of ``SettingRow/isPerSource``.
    var texts: [String: [String]] = [:]
    /// Rules of single labels.
    var exceptions: [String: DetectionException] = [:]

    static let maximumCount = 64
    static let maximumNameBytes = 32

    /// Why a text cannot be the name of a source; `nil` if it can.
    static func problem(inName name: String) -> String? {
        let isValid =
            name.utf8.count <= maximumNameBytes
            && name.first.map { $0.isASCII && ($0.isLetter || $0.isNumber) } ?? false
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-".contains($0)) }
        return isValid
            ? nil
            : "'\(name)' cannot name a source; expected at most \(maximumNameBytes) letters, digits, - and _"
    }

    /// Its own settings, in the order in which they are printed; also those of single labels.
    var shown: [(key: String, texts: [String])] {
        SettingTable.rows.compactMap { row in texts[row.key].map { (row.key, $0) } }
            + exceptions.sorted { $0.key < $1.key }.flatMap { label, exception in
                SettingTable.show(exception).map { ("\(SettingTable.labelsKey).\(label).\($0)", [$1]) }
            }
    }

    /// How one of its settings is called in messages, and on the command line.
    func key(_ key: String) -> String { "\(SettingTable.sourcesKey).\(name).\(key)" }
}

extension DaemonSettings {
    /// All settings of a source: its own in place of the common ones.
    public func settings(of source: SourceSettings) -> DaemonSettings {
        var settings = self
        settings.sources = []
        for row in SettingTable.rows {
            if let texts = source.texts[row.key] { _ = row.read(texts, &settings) }
        }
        for (label, exception) in source.exceptions { settings.detection.exceptions[label] = exception }
        return settings
    }

    /// The settings of a source that change only when it starts again.
    public var streamSettings: [[String]?] {
        SettingTable.rows.filter { $0.isPerSource && !$0.isLive }.map { $0.show(self) }
    }

    /// The hop, or the shortest hop where it is adapted, in frames of 10 ms.
    public var hopFrames: Int { Int(((hopIsAuto ? minimumHop : hop) * 100).rounded()) }
}
