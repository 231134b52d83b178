private import Capture
internal import SystemSupport
internal import TextSupport

/// What directories contain and a batch does not classify, counted by kind.
public struct SkippedFiles: Equatable, Sendable {
    /// Names with a leading dot: files, or directories with all below them.
    private(set) var hidden = 0
    /// Links to directories that are classified under another name, or that contain the link.
    private(set) var repeatedDirectories = 0
    /// Files that are not audio that astd decodes, by extension (`.txt`) or by what they are (`pipe`).
    private(set) var others: [String: Int] = [:]

    /// Bounds the memory for names that somebody else has chosen.
    private static let mostKinds = 1000
    private static let longestKind = 16

    static let withoutExtension = "without extension"

    public init() {}

    public var total: Int { hidden + repeatedDirectories + otherTotal }
    private var otherTotal: Int { others.values.reduce(0, +) }

    mutating func addHidden() { hidden += 1 }

    mutating func addRepeatedDirectory() { repeatedDirectories += 1 }

    mutating func addOther(_ kind: String) {
        let isKept = kind.utf8.count <= Self.longestKind || kind == Self.withoutExtension
        var key = isKept ? PathText.printable(kind) : "long extension"
        if others[key] == nil && others.count >= Self.mostKinds { key = "further kind" }
        others[key, default: 0] += 1
    }

    mutating func add(_ more: SkippedFiles) {
        hidden += more.hidden
        repeatedDirectories += more.repeatedDirectories
        others.merge(more.others, uniquingKeysWith: +)
    }

    /// One line for people: what was skipped; `nil` when nothing was.
    public var sentence: String? {
        var parts: [String] = []
        if otherTotal > 0 {
            parts.append(
                "\(Self.count(otherTotal, "file")) that \(otherTotal == 1 ? "is" : "are") not audio astd can decode: "
                    + kinds)
        }
        return Self.joined(parts + rest).map { "skipped \($0)\(advice)" }
    }

    /// Why a directory yielded no recording.
    var reason: String {
        var parts: [String] = []
        if otherTotal > 0 {
            let isOneKind = others.count == 1
            parts.append(
                "\(otherTotal) of \(isOneKind ? "another kind" : "other kinds"): "
                    + (isOneKind ? others.keys.first ?? "" : kinds))
        }
        return Self.joined(parts + rest) ?? "the directory is empty"
    }

    /// What to install for files that were skipped; empty when that would not help.
    var advice: String {
        let audio = others.keys.filter { AudioFileKind.ffmpegExtensions.contains(String($0.dropFirst())) }
        return audio.isEmpty ? "" : "; install ffmpeg to decode \(audio.sorted().joined(separator: ", "))"
    }

    private var rest: [String] {
        var parts: [String] = []
        if hidden > 0 { parts.append(Self.count(hidden, "hidden name")) }
        if repeatedDirectories > 0 {
            parts.append(Self.count(repeatedDirectories, "repeated or circular link"))
        }
        return parts
    }

    /// By number, then by name.
    private var sorted: [(key: String, value: Int)] {
        others.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    }

    private var kinds: String {
        let shown = 8
        var parts = sorted.prefix(shown).map { "\($0.value) \($0.key)" }
        let left = sorted.dropFirst(shown)
        if !left.isEmpty {
            parts.append("\(left.reduce(0) { $0 + $1.value }) of \(left.count) further kinds")
        }
        return parts.joined(separator: ", ")
    }

    /// The members `skipped`, their number, and `skipped_kinds`.
    func writeMembers(to json: inout JSONWriter) {
        json.member("skipped", total)
        json.key("skipped_kinds")
        json.object { json in
            if hidden > 0 { json.member("hidden", hidden) }
            if repeatedDirectories > 0 { json.member("repeated_link", repeatedDirectories) }
            for (kind, count) in sorted { json.member(kind, count) }
        }
    }

    private static func joined(_ parts: [String]) -> String? {
        parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}
