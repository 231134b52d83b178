private import Glibc
private import SystemSupport

/// Names of the files that belong to one recording: the recording's path below a directory, with a suffix.
///
/// A name that would be too long for the file system is shortened, and ends in a hash of the recording's
/// path, so that the names of two recordings differ.
struct RecordingNames {
    private let directory: String
    private let suffix: String
    /// Of one name, and of a whole path, in bytes.
    private let longestName: Int
    private let longestPath = Int(PATH_MAX) - 1

    /// - Parameter suffix: With its dot.
    init(directory: String, suffix: String) {
        self.directory = directory
        self.suffix = suffix
        let limit = pathconf(directory.systemPath, Int32(_PC_NAME_MAX))
        longestName = limit > 0 ? limit : 255
    }

    /// The name below the directory: different for each recording, and never outside the directory.
    func name(of path: String) -> String {
        let room = longestName - OutputFile.partial(suffix).utf8.count
        var parts = Self.parts(path)
        let last = parts.popLast() ?? ""
        let whole =
            (parts.map { Self.shortened($0, longestName, $0) } + [Self.shortened(last, room, path)])
            .joined(separator: "/") + suffix
        let length = PathText.bytes("\(directory)/\(OutputFile.partial(whole))").count
        if length <= longestPath { return whole }
        return Self.shortened(last, room, path, always: true) + suffix
    }

    /// The components of a recording's path. `..` would lead out of the directory.
    static func parts(_ path: String) -> [String] {
        if path == "-" { return ["standard-input"] }
        return path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }.filter {
            $0 != "."
        }
        .map { $0 == ".." ? "%2E%2E" : $0 }
    }

    private static func shortened(_ name: String, _ room: Int, _ path: String, always: Bool = false) -> String
    {
        guard always || PathText.bytes(name).count > room else { return name }
        let mark = "~" + hash(path)
        var kept = name
        while !kept.isEmpty && PathText.bytes(kept).count + mark.utf8.count > room { kept.removeLast() }
        return kept + mark
    }

    /// FNV-1a, 64 bits.
    private static func hash(_ path: String) -> String {
        let hash = path.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
