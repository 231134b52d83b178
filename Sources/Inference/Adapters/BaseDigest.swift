private import Glibc
internal import TextSupport

/// The SHA-256 of the base's `model.safetensors` as an adapter states it: in its model card (`README.md`) or
/// in one of its configuration files.
///
/// An adapter "fits" every base of the same shape, but its scores are right with the base that it was trained
/// on only.
public struct BaseDigest: Equatable, Sendable {
    /// 64 lower-case hexadecimal digits.
    public let sha256: String
    /// The file that states it.
    public let path: String

    static let cardName = "README.md"
    private static let maximumCardBytes = 1 << 20

    /// What the model card in `directory` states; nothing when there is no card.
    static func inCard(of directory: String) -> [BaseDigest] {
        let path = directory + "/" + cardName
        guard let (descriptor, size) = try? RegularFile.open(path: path) else { return [] }
        defer { close(descriptor) }
        var contents = [UInt8](repeating: 0, count: min(size, maximumCardBytes))
        let filled = contents.withUnsafeMutableBytes { RegularFile.read(descriptor, into: $0) }
        return digests(in: String(decoding: contents[..<filled], as: UTF8.self)).map {
            BaseDigest(sha256: $0, path: path)
        }
    }

    /// The digests in a text that belong to a base: in the same paragraph, the words before a digest (or, if
    /// they name neither, those up to the end of its line) name the base or `model.safetensors` last, rather
    /// than `adapter_model.safetensors`.
    static func digests(in text: String) -> [String] {
        var found: [String] = []
        // CR LF is one Character.
        let lines = text.lowercased().split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        var before = ""
        var isFrontMatter = false
        for (number, line) in lines.enumerated() {
            if line.allSatisfy({ $0 == "-" }), line.count == 3 { isFrontMatter = number == 0 }
            // In front matter each key stands for itself.
            if line.allSatisfy(\.isWhitespace) || (isFrontMatter && line.first != " ") { before = "" }
            var words = line.split { !$0.isASCII || !($0.isLetter || $0.isNumber || "_.".contains($0)) }[...]
            while let word = words.popFirst() {
                let candidate = word.filter { $0 != "." }
                guard candidate.utf8.count == 64, candidate.allSatisfy(\.isHexDigit) else {
                    before += " \(word)"
                    continue
                }
                let after = words.prefix { $0.utf8.count < 64 }.joined(separator: " ")
                if namesBase(before) ?? namesBase(after) ?? false { found.append(candidate) }
                before = ""
            }
        }
        return found
    }

    /// Whether the last file or model that a text names is the base; `nil` when it names none.
    private static func namesBase(_ text: String) -> Bool? {
        for word in text.split(separator: " ").reversed() {
            if word.hasPrefix("adapter") { return false }
            let isBase = word == "base" || word == "base." || word.hasPrefix("base_")
            if isBase || word.hasPrefix("model.safetensors") { return true }
        }
        return nil
    }
}

extension ConfigFile {
    /// The values of keys such as `base_model_sha256`.
    ///
    /// - Throws: ``ModelError/unsupported(path:key:found:wanted:)`` for a value that is not a SHA-256.
    func baseDigests() throws(ModelError) -> [String] {
        var digests: [String] = []
        for (key, value) in members where AdapterConfigKeys.isBaseDigest(key) && value != .null {
            let digest = try read(key, "64 hexadecimal digits") { $0.stringValue.flatMap(Self.sha256) }
            if let digest { digests.append(digest) }
        }
        return digests
    }

    private static func sha256(_ text: String) -> String? {
        let lowercase = text.lowercased()
        let digits = lowercase.hasPrefix("sha256:") ? lowercase.dropFirst(7) : lowercase[...]
        return digits.utf8.count == 64 && digits.allSatisfy(\.isHexDigit) ? String(digits) : nil
    }
}
