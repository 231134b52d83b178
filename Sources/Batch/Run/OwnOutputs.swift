private import Glibc
private import SystemSupport

/// The files that a batch writes, so that a walk through the directory that they are in does not count them:
/// their number depends on how far the batch is.
public struct OwnOutputs: Sendable {
    /// Absolute paths of single files.
    private var files: Set<String> = []
    /// Absolute path of the directory with the files of all recordings.
    private var directory: String?

    private static let unfinished = [".partial", ".journal"]
    private static let recordingSuffixes = RecordFormat.allCases.filter(\.isPerRecording).flatMap {
        ["." + $0.fileExtension, OutputFile.partial("." + $0.fileExtension)]
    }

    public init() {}

    public init(_ destination: BatchOutputs.Destination, report: String?) {
        var paths = report.map { [$0] } ?? []
        switch destination {
        case .standardOutput: break
        case .file(let path): paths.append(path)
        case .directory(let path):
            directory = Self.absolute(path)
            let names =
                RecordFormat.allCases.map { "labels.\($0.fileExtension)" } + ["labels", "summary.json"]
            paths += names.map { "\(path)/\($0)" }
        }
        for path in paths.map(Self.absolute) {
            files.insert(path)
            files.formUnion(Self.unfinished.map { path + $0 })
        }
    }

    var isEmpty: Bool { files.isEmpty }

    /// - Parameter path: Absolute path, without links.
    func contains(_ path: String) -> Bool {
        if files.contains(path) { return true }
        guard let directory, Self.path(path, isIn: directory) else { return false }
        return Self.recordingSuffixes.contains { path.hasSuffix($0) }
    }

    /// The absolute path without links, also of a file that does not exist yet.
    static func absolute(_ path: String) -> String {
        if let resolved = realpath(path.systemPath, nil) {
            defer { free(resolved) }
            return PathText.text(cString: resolved)
        }
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else {
            return path.isEmpty ? path : absolute(".") + "/" + path
        }
        let parent = path.utf8[..<slash].isEmpty ? "/" : absolute(String(path[..<slash]))
        return (parent == "/" ? "" : parent) + path[slash...]
    }

    /// Whether an absolute path is that of a directory or of something below it.
    static func path(_ path: String, isIn directory: String) -> Bool {
        let base = directory.utf8.last == UInt8(ascii: "/") ? directory : directory + "/"
        return (path + "/").utf8.starts(with: base.utf8)
    }
}
