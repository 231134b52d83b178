/// The topics of a gateway, all below `astd/NODE`.
struct TopicNames: Sendable {
    let node: String

    private var root: String { "astd/\(node)" }

    /// Retained, `online` or `offline`.
    var status: String { root + "/status" }
    /// Every event, as on `events.sock`.
    var event: String { root + "/event" }

    /// Retained, `ON` or `OFF`.
    func label(_ slug: String, of daemon: String) -> String { "\(root)/\(daemon)/label/\(slug)" }
    func score(_ slug: String, of daemon: String) -> String { label(slug, of: daemon) + "/score" }
    func level(of daemon: String) -> String { "\(root)/\(daemon)/level" }
    func loudest(of daemon: String) -> String { "\(root)/\(daemon)/loudest" }
    /// Retained, JSON.
    func state(of daemon: String) -> String { "\(root)/\(daemon)/state" }
    func pauseCommand(of daemon: String) -> String { "\(root)/\(daemon)/pause/set" }
    func adapterCommand(of daemon: String) -> String { "\(root)/\(daemon)/adapter/set" }
}

/// Names of labels in topics and ids: of `a`…`z`, `0`…`9` and `_`.
///
/// A slug does not depend on the order of labels. Labels that would have the same one get a suffix that
/// depends on the label alone.
struct LabelSlugs: Equatable, Sendable {
    private let slugs: [String: String]

    init(_ labels: [String]) {
        let labels = Set(labels)
        let folded = Dictionary(grouping: labels) { Self.folded($0) }
        slugs = Dictionary(
            uniqueKeysWithValues: labels.map { label in
                let slug = Self.folded(label)
                let isShared = (folded[slug]?.count ?? 0) > 1
                return (label, isShared || slug.isEmpty ? Self.hashed(label) : slug)
            })
    }

    /// nil for a label that is not one of them.
    subscript(_ label: String) -> String? { slugs[label] }

    /// `Fire alarm, siren` becomes `fire_alarm_siren`.
    static func folded(_ label: String) -> String {
        var slug = ""
        for scalar in label.lowercased().unicodeScalars {
            if scalar.isASCII, scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) {
                slug.unicodeScalars.append(scalar)
            } else if !slug.isEmpty, slug.last != "_" {
                slug.append("_")
            }
        }
        return slug.last == "_" ? String(slug.dropLast()) : slug
    }

    /// The slug with a suffix that depends on the label alone.
    static func hashed(_ label: String) -> String { folded(label) + "_" + hash(label) }

    /// Six hexadecimal digits of the FNV-1a hash of the label.
    private static func hash(_ label: String) -> String {
        var hash: UInt32 = 2_166_136_261
        for byte in label.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        let digits = String(hash & 0xFF_FFFF, radix: 16)
        return String(repeating: "0", count: 6 - digits.count) + digits
    }
}
