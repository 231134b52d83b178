private import Glibc
private import SystemSupport

/// The recorded sounds of events in folders of daemons: `astd-TIME-ID-LABEL.wav`, found by the event's id.
public struct ClipFolders: Sendable {
    private var paths: [String: String] = [:]

    /// Without clips.
    public init() {}

    /// Lists folders.
    ///
    /// - Throws: ``HistoryFailure`` for one that cannot be read.
    public init(_ folders: [String]) throws(HistoryFailure) {
        for folder in folders {
            for name in try Self.names(in: folder) {
                guard let id = Self.id(of: name) else { continue }
                paths[id] = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
            }
        }
    }

    public subscript(_ id: String) -> String? { paths[id] }

    /// The id in a clip's name; nil for another file.
    static func id(of name: String) -> String? {
        // Neither a time nor an id's parts nor a label have a hyphen.
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0] == "astd", parts[4].hasSuffix(".wav"), !parts[2].isEmpty,
            UInt64(parts[3]) != nil
        else { return nil }
        return "\(parts[2])-\(parts[3])"
    }

    /// The names in a folder.
    static func names(in folder: String) throws(HistoryFailure) -> [String] {
        guard let directory = opendir(folder.systemPath) else {
            let reason = String(cString: strerror(errno))
            let advice =
                errno == EACCES ? ": clips belong to the user of astd; run this as that user, or as root" : ""
            throw HistoryFailure(description: "cannot read the folder \(folder): \(reason)\(advice)")
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            // SAFETY: the name ends with a NUL, and is copied before the next call of readdir.
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
                    PathText.text(cString: $0)
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}

/// Names of folders for labels, which may be any text: a name on all file systems, and the label again when
/// its `%HH` are decoded.
enum LabelFolder {
    private static let maximumBytes = 200

    static func name(of label: String) -> String {
        var name = ""
        let scalars = Array(label.unicodeScalars)
        for (position, scalar) in scalars.enumerated() {
            let isEnd = position == 0 || position == scalars.count - 1
            if needsEscape(scalar) || isEnd && (scalar == "." || scalar == " " || scalar == "-") {
                for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
                    let digits = String(byte, radix: 16, uppercase: true)
                    name += "%" + (digits.count == 1 ? "0" : "") + digits
                }
            } else {
                name.unicodeScalars.append(scalar)
            }
        }
        if name.isEmpty { return "%" }
        guard name.utf8.count > maximumBytes else { return name }
        // Too long for a file system: the beginning, and a hash of the whole.
        var start = name.unicodeScalars
        while String(start).utf8.count > maximumBytes - 10 { start.removeLast() }
        var hash: UInt32 = 2_166_136_261
        for byte in label.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return String(start) + "%~" + String(hash, radix: 16)
    }

    private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
        let category = scalar.properties.generalCategory
        return "%/\\:*?\"<>|".unicodeScalars.contains(scalar)
            || [.control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned]
                .contains(category)
    }
}
