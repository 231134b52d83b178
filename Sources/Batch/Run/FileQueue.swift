private import Capture
private import Glibc
private import SystemSupport

/// The files of a batch, in the order of the input. A directory is replaced by the audio files in and below
/// it, sorted by name.
public final class FileQueue: Sequence {
    private let paths: [String]
    private let listPath: String?
    private let separator: PathList.Separator
    private let extensions: Set<String>
    private let outputs: OwnOutputs
    /// The only walk through a list that cannot be read twice.
    private var onlyHarvest: FileHarvest?

    /// A file, or an input that could not be expanded to files.
    public enum Item: Equatable, Sendable {
        /// A file that the user or a list names.
        case file(String)
        /// A file in a directory.
        case found(String)
        case failed(path: String, code: String, message: String)

        var path: String {
            switch self {
            case .file(let path), .found(let path), .failed(let path, _, _): path
            }
        }
    }

    /// - Parameters:
    ///   - paths: Files, directories, `-`.
    ///   - listPath: A file with a path a line, `-` for standard input, or `nil`.
    ///   - hasNulls: Whether the paths in the list end with NUL bytes instead of line feeds.
    ///   - outputs: Files that are not counted in directories.
    ///   - extensions: Of the files that are read from a directory; `nil` for all that this machine can read.
    public init(
        paths: [String], listPath: String?, hasNulls: Bool = false, outputs: OwnOutputs = OwnOutputs(),
        extensions: Set<String>? = nil
    ) {
        self.outputs = outputs
        self.paths = paths
        self.listPath = listPath
        separator = hasNulls ? .null : .newline
        self.extensions = extensions ?? AudioFileKind.readableExtensions
    }

    /// Whether iterating does not use up the list, as it does with a pipe or standard input.
    public var canBeReadTwice: Bool {
        guard let listPath else { return true }
        var status = stat()
        return listPath != "-" && stat(listPath.systemPath, &status) == 0
            && status.st_mode & S_IFMT == S_IFREG
    }

    /// The same files, of a list that was read to its end, so that it can be read twice.
    ///
    /// - Returns: This queue when that is not needed, or when the list cannot be read.
    public func withListInMemory() -> FileQueue {
        guard let listPath, !canBeReadTwice else { return self }
        let list = PathList(path: listPath, separator)
        var listed: [String] = []
        while let path = list.next() { listed.append(path) }
        if listed.isEmpty { return self }
        return FileQueue(paths: paths + listed, listPath: nil, outputs: outputs, extensions: extensions)
    }

    public func makeIterator() -> FileHarvest {
        if let onlyHarvest { return onlyHarvest }
        let harvest = FileHarvest(paths, list: listPath, separator, extensions, outputs)
        if !canBeReadTwice { onlyHarvest = harvest }
        return harvest
    }

    /// Why there is nothing to classify, a line for each input; `nil` when there is at least one file.
    ///
    /// Blocks until a list that is being written has its first path.
    public func problems() -> [String]? { makeIterator().problemsBeforeFirstFile() }
}

/// One walk through the files of a ``FileQueue``.
///
/// Threading: one thread at a time.
public final class FileHarvest: IteratorProtocol {
    private var named: IndexingIterator<[String]>
    private let list: PathList?
    private let listPath: String
    private let extensions: Set<String>
    private let outputs: OwnOutputs
    private var hasListed = false
    private var walk: DirectoryWalk?
    /// Items that were read ahead.
    private var ahead: ArraySlice<FileQueue.Item> = []
    /// What was skipped so far.
    public private(set) var skipped = SkippedFiles()

    init(
        _ paths: [String], list: String?, _ separator: PathList.Separator, _ extensions: Set<String>,
        _ outputs: OwnOutputs
    ) {
        self.outputs = outputs
        named = paths.makeIterator()
        listPath = list ?? ""
        self.extensions = extensions
        self.list = list.map { PathList(path: $0, separator) }
    }

    public func next() -> FileQueue.Item? { ahead.popFirst() ?? read() }

    fileprivate func problemsBeforeFirstFile() -> [String]? {
        var problems: [String] = []
        while let item = read() {
            ahead.append(item)
            guard case .failed(_, _, let message) = item else { return nil }
            problems.append(message)
        }
        return problems
    }

    private func read() -> FileQueue.Item? {
        while true {
            if let walk {
                if let item = walk.next() { return item }
                skipped.add(walk.skipped)
                self.walk = nil
            }
            guard let path = named.next() ?? nextListed() else { return listFailure() }
            guard path != "-", Self.isDirectory(path) else { return .file(path) }
            walk = DirectoryWalk(path, extensions, outputs)
        }
    }

    private func nextListed() -> String? {
        let path = list?.next()
        if path != nil { hasListed = true }
        return path
    }

    /// Returned once: why the list ended early, or that it has no paths.
    private func listFailure() -> FileQueue.Item? {
        guard let list else { return nil }
        let name = listPath == "-" ? "standard input" : listPath
        if let reason = list.takeFailure() {
            hasListed = true
            return .failed(path: listPath, code: "unreadable", message: "\(name): \(reason)")
        }
        guard !hasListed else { return nil }
        hasListed = true
        return .failed(
            path: listPath, code: "no_audio", message: "\(name): no audio files (the list is empty)")
    }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path.systemPath, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
