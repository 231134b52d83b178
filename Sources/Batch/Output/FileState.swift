private import Glibc
private import SystemSupport

/// What a run saw of a file that it could not classify, to find out whether trying again may help.
struct FileState: Equatable {
    let text: String

    private static let absent = "absent"
    /// A file that was in its directory, and was gone when it was opened.
    private static let vanished = "vanished"

    init(text: String) { self.text = text }

    /// The state of a file now.
    ///
    /// - Parameter isFromDirectory: Whether a directory listed it.
    init(of path: String, isFromDirectory: Bool = false) {
        var status = stat()
        if stat(path.systemPath, &status) == 0 && access(path.systemPath, R_OK) == 0 {
            text = "\(status.st_size) bytes, \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
        } else {
            text = isFromDirectory ? Self.vanished : Self.absent
        }
    }

    /// Whether the file could not be read at all.
    var isAbsent: Bool { text == Self.absent || text == Self.vanished }

    /// Whether the file appeared, became readable or was written since, so that trying again may help. A file
    /// that has disappeared since has not: its drive may be missing.
    func hasChanged(of path: String) -> Bool {
        let now = FileState(of: path)
        return text == Self.vanished || self != now && !now.isAbsent
    }
}
