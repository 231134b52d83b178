private import Glibc

/// The files of a batch, in the order of the input. A directory is replaced by the audio files in and below
/// it, sorted by name.
public struct FileQueue: Sequence {
    private let paths: [String]
    private let listPath: String?

    /// Names of the files that are read from a directory; a file that is named directly is always tried.
    public static let audioExtensions: Set<String> = [
        "wav", "wave", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc", "au", "snd", "caf", "w64",
        "rf64",
    ]

    /// A file, or an input that could not be expanded to files.
    public enum Item: Equatable, Sendable {
        case file(String)
        case unreadable(path: String, reason: String)
    }

    /// - Parameters:
    ///   - paths: Files, directories, `-`.
    ///   - listPath: A file with a path a line, `-` for standard input, or `nil`.
    public init(paths: [String], listPath: String?) {
        self.paths = paths
        self.listPath = listPath
    }

    /// Whether iterating does not use up the list, as it does with a pipe or standard input.
    var canBeReadTwice: Bool {
        guard let listPath else { return true }
        var status = stat()
        return listPath != "-" && stat(listPath, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    public func makeIterator() -> some IteratorProtocol<Item> {
        var named = paths.makeIterator()
        let list = listPath.map(LineReader.init(path:))
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
        guard let directory = opendir(path) else {
            return [.unreadable(path: path, reason: String(cString: strerror(errno)))]
        }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        closedir(directory)
        let base = path.hasSuffix("/") ? path : path + "/"
        return names.sorted().flatMap { name -> [Item] in
            let inner = base + name
            // A link to a parent directory would be followed without end.
            if isDirectory(inner) { return isLink(inner) ? [] : expand(inner) }
            guard let dot = name.lastIndex(of: ".") else { return [] }
            return audioExtensions.contains(name[name.index(after: dot)...].lowercased())
                ? [.file(inner)] : []
        }
    }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }
}

/// The lines of a file, read one at a time: a list may be endless, or written while it is read.
private final class LineReader {
    private let stream: UnsafeMutablePointer<FILE>?
    private var failure: String?
    private var hasEnded = false

    init(path: String) {
        stream = path == "-" ? fdopen(dup(STDIN_FILENO), "r") : fopen(path, "re")
        if stream == nil { failure = String(cString: strerror(errno)) }
    }

    deinit { if let stream { fclose(stream) } }

    /// The next line that is not empty. Blocks while the writer of a pipe has not written it.
    func next() -> String? {
        guard let stream, !hasEnded else { return nil }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        // SAFETY: getline allocates `line`; the defer frees it on every path.
        defer { free(line) }
        while true {
            let count = getline(&line, &capacity, stream)
            guard count >= 0, let line else {
                // A list that cannot be read, such as a directory, must not look like an empty list.
                if ferror(stream) != 0 { failure = String(cString: strerror(errno)) }
                hasEnded = true
                return nil
            }
            let text = String(
                decoding: UnsafeRawBufferPointer(start: line, count: count).prefix {
                    $0 != 0x0A && $0 != 0x0D
                },
                as: UTF8.self)
            if !text.isEmpty { return text }
        }
    }

    /// Why reading failed, returned once.
    func takeFailure() -> String? {
        defer { failure = nil }
        return failure
    }
}
