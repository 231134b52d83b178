private import Capture
private import Glibc
private import SystemSupport

/// The files of a batch, in the order of the input. A directory is replaced by the audio files in and below
/// it, sorted by name.
public struct FileQueue: Sequence {
    private let paths: [String]
    private let listPath: String?
    private let separator: PathList.Separator

    /// A file, or an input that could not be expanded to files.
    public enum Item: Equatable, Sendable {
        case file(String)
        case unreadable(path: String, reason: String)
    }

    /// - Parameters:
    ///   - paths: Files, directories, `-`.
    ///   - listPath: A file with a path a line, `-` for standard input, or `nil`.
    ///   - hasNulls: Whether the paths in the list end with NUL bytes instead of line feeds.
    public init(paths: [String], listPath: String?, hasNulls: Bool = false) {
        self.paths = paths
        self.listPath = listPath
        separator = hasNulls ? .null : .newline
    }

    /// Whether iterating does not use up the list, as it does with a pipe or standard input.
    var canBeReadTwice: Bool {
        guard let listPath else { return true }
        var status = stat()
        return listPath != "-" && stat(listPath.systemPath, &status) == 0
            && status.st_mode & S_IFMT == S_IFREG
    }

    public func makeIterator() -> some IteratorProtocol<Item> {
        var named = paths.makeIterator()
        let list = listPath.map { PathList(path: $0, separator) }
        var found = [Item]().makeIterator()
        return AnyIterator {
            while true {
                if let item = found.next() { return item }
                guard let path = named.next() ?? list?.next() else {
                    guard let failure = list?.takeFailure() else { return nil }
                    return .unreadable(path: listPath ?? "", reason: failure)
                }
                found = Self.expand(path).makeIterator()
            }
        }
    }

    private static func expand(_ path: String) -> [Item] {
        guard path != "-", isDirectory(path) else { return [.file(path)] }
        let (names, failure) = DirectoryNames.read(path)
        let base = path.hasSuffix("/") ? path : path + "/"
        let items = names.flatMap { name -> [Item] in
            let inner = base + name
            // A link to a parent directory would be followed without end.
            if isDirectory(inner) { return isLink(inner) ? [] : expand(inner) }
            guard let dot = name.lastIndex(of: ".") else { return [] }
            return AudioFileKind.readableExtensions.contains(name[name.index(after: dot)...].lowercased())
                ? [.file(inner)] : []
        }
        return items
            + (failure.map { [.unreadable(path: path, reason: String(cString: strerror($0)))] } ?? [])
    }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path.systemPath, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path.systemPath, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }
}
