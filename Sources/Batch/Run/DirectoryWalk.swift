private import Capture
private import Glibc
private import SystemSupport

/// Walks through a directory and all below it, sorted by the bytes of the names.
///
/// Hidden names are skipped. Links to files are followed. A link to a directory is followed once, unless the
/// walk reaches that directory without it.
final class DirectoryWalk {
    private struct Level {
        /// With a slash at its end.
        let base: String
        /// The same without links; empty when it does not matter.
        let realBase: String
        var names: ArraySlice<String>
    }

    private struct Identity: Hashable {
        let device: dev_t
        let inode: ino_t

        init(_ status: stat) { (device, inode) = (status.st_dev, status.st_ino) }
    }

    private let root: String
    private let extensions: Set<String>
    private let outputs: OwnOutputs
    private var levels: [Level] = []
    private var entered: Set<Identity> = []
    /// Real paths of the root and of the links that were followed.
    private var realRoots: [String] = []
    private var failures: [FileQueue.Item] = []
    private var isEmpty = true
    private(set) var skipped = SkippedFiles()

    /// - Parameter extensions: Of recordings, in lower case.
    init(_ root: String, _ extensions: Set<String>, _ outputs: OwnOutputs) {
        self.root = root
        self.extensions = extensions
        self.outputs = outputs
        var status = stat()
        if stat(root.systemPath, &status) != 0 { failures.append(Self.failure(root, errno)) }
        realRoots = [OwnOutputs.absolute(root)]
        enter(root, status)
    }

    /// The next recording or failure. A directory without any yields one failure, which says what it
    /// contains.
    func next() -> FileQueue.Item? {
        if let item = nextItem() {
            isEmpty = false
            return item
        }
        guard isEmpty else { return nil }
        isEmpty = false
        return .failed(
            path: root, code: "no_audio",
            message: "\(root): no audio files (\(skipped.reason))\(skipped.advice)")
    }

    private func nextItem() -> FileQueue.Item? {
        while failures.isEmpty, let level = levels.indices.last {
            guard let name = levels[level].names.popFirst() else {
                levels.removeLast()
                continue
            }
            if Self.isHidden(name) {
                skipped.addHidden()
            } else if let item = item(name, levels[level].base + name) {
                return item
            }
        }
        return failures.popLast()
    }

    private func item(_ name: String, _ path: String) -> FileQueue.Item? {
        var status = stat()
        guard lstat(path.systemPath, &status) == 0 else { return vanished(name, path) }
        let isLink = status.st_mode & S_IFMT == S_IFLNK
        if isLink && stat(path.systemPath, &status) != 0 { return brokenLink(name, path, errno) }
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            if isLink { follow(path, status) } else { enter(path, status) }
            return nil
        case S_IFREG: return file(name, path)
        case S_IFIFO: return special("pipe", name, path)
        case S_IFSOCK: return special("socket", name, path)
        default: return special("device", name, path)
        }
    }

    private func file(_ name: String, _ path: String) -> FileQueue.Item? {
        let isOutput = (levels.last?.realBase).map { outputs.contains($0 + name) } ?? false
        guard let fileExtension = Self.fileExtension(name) else {
            if AudioSniff.isAudio(path: path) { return .found(path) }
            if !isOutput { skipped.addOther(SkippedFiles.withoutExtension) }
            return nil
        }
        if extensions.contains(fileExtension) { return .found(path) }
        if !isOutput { skipped.addOther("." + fileExtension) }
        return nil
    }

    /// A name that was listed and is gone, for example with its drive, becomes an error when it is opened.
    private func vanished(_ name: String, _ path: String) -> FileQueue.Item? {
        guard let fileExtension = Self.fileExtension(name), !extensions.contains(fileExtension) else {
            return .found(path)
        }
        skipped.addOther("." + fileExtension)
        return nil
    }

    /// A pipe, socket or device; one that is named like a recording becomes an error when it is opened.
    private func special(_ kind: String, _ name: String, _ path: String) -> FileQueue.Item? {
        if let end = Self.fileExtension(name), extensions.contains(end) { return .found(path) }
        skipped.addOther(kind)
        return nil
    }

    /// A link that may be a recording, or a directory of a drive that is not mounted, is an error.
    private func brokenLink(_ name: String, _ path: String, _ code: Int32) -> FileQueue.Item? {
        if let fileExtension = Self.fileExtension(name), !extensions.contains(fileExtension) {
            skipped.addOther("." + fileExtension)
            return nil
        }
        guard code == ENOENT || code == ENOTDIR else { return Self.failure(path, code) }
        var target = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let length = readlink(path.systemPath, &target, target.count - 1)
        return .failed(
            path: path, code: "not_found",
            message: "\(path) is a link to \(length > 0 ? PathText.text(cString: target) : "a path"), "
                + "which does not exist: check the link, or mount its drive")
    }

    private func enter(_ path: String, _ status: stat) {
        guard entered.insert(Identity(status)).inserted else { return skipped.addRepeatedDirectory() }
        let (names, failure) = DirectoryNames.read(path)
        if let failure, failures.isEmpty { failures.append(Self.failure(path, failure)) }
        func base(_ path: String) -> String { path.utf8.last == UInt8(ascii: "/") ? path : path + "/" }
        levels.append(
            Level(
                base: base(path), realBase: outputs.isEmpty ? "" : base(OwnOutputs.absolute(path)),
                names: names[...]))
    }

    private func follow(_ link: String, _ status: stat) {
        let target = OwnOutputs.absolute(link)
        let isCircle = realRoots.contains { OwnOutputs.path($0, isIn: target) }
        let isReachedAnyway = realRoots.contains {
            OwnOutputs.path(target, isIn: $0) && !Self.isHidden(target, in: $0)
        }
        if isCircle || isReachedAnyway { return skipped.addRepeatedDirectory() }
        realRoots.append(target)
        enter(link, status)
    }

    private static func failure(_ path: String, _ code: Int32) -> FileQueue.Item {
        let word =
            switch code {
            case ENOENT, ENOTDIR: "not_found"
            case EACCES, EPERM: "permission_denied"
            default: "unreadable"
            }
        let advice = word == "permission_denied" ? ": give this user read permission" : ""
        return .failed(
            path: path, code: word, message: "\(path): \(String(cString: strerror(code)))\(advice)")
    }

    /// Lower case; `nil` for a name without a dot, or with digits only after it, as in a date.
    private static func fileExtension(_ name: String) -> String? {
        guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
        let end = String(name[name.utf8.index(after: dot)...])
        return end.utf8.allSatisfy { (0x30...0x39).contains($0) } ? nil : end.lowercased()
    }

    /// Whether the walk does not reach a directory because a name above it is hidden.
    private static func isHidden(_ path: String, in directory: String) -> Bool {
        path.dropFirst(directory.count).split(separator: "/").contains { isHidden(String($0)) }
    }

    /// Names with a leading dot, and directories that Windows, macOS and network drives keep for themselves,
    /// such as a card's deleted files.
    private static func isHidden(_ name: String) -> Bool {
        name.utf8.first == UInt8(ascii: ".") || systemNames.contains(name)
    }

    private static let systemNames: Set<String> = [
        "$RECYCLE.BIN", "RECYCLER", "System Volume Information", "__MACOSX", "@eaDir", "#recycle",
    ]
}
