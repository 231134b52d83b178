private import Glibc
internal import SystemSupport

/// The paths of a list, read one at a time: a list may be endless, or written while it is read.
final class PathList {
    /// What ends a path.
    enum Separator: UInt8 {
        case newline = 0x0A
        case null = 0
    }

    private let separator: Separator
    /// -1 once the list has ended.
    private var descriptor: Int32
    private let isOwned: Bool
    private var failure: String?
    private var bytes: [UInt8] = []
    /// The first of ``bytes`` that was not returned yet, and the first that was not searched yet.
    private var start = 0
    private var searched = 0
    private var isFirst = true

    /// Far longer than any path, so that a file that is not a list does not fill the memory.
    private static let longestPath = 1 << 16

    /// - Parameter path: `-` for standard input.
    init(path: String, _ separator: Separator) {
        self.separator = separator
        isOwned = path != "-"
        descriptor = isOwned ? open(path.systemPath, O_RDONLY | O_CLOEXEC) : STDIN_FILENO
        if descriptor < 0 { failure = Self.systemError() }
    }

    deinit { end() }

    /// The next path that is not empty. Blocks while the writer of a pipe has not written it.
    func next() -> String? {
        while let line = nextLine() {
            let path = name(in: line)
            if path.isEmpty { continue }
            guard !path.contains(0) else {
                return fail(
                    "a name contains a NUL byte; add -0 if NUL bytes separate the names, or save the list as UTF-8"
                )
            }
            return PathText.text(path)
        }
        return nil
    }

    /// Why reading failed, returned once.
    func takeFailure() -> String? {
        defer { failure = nil }
        return failure
    }

    /// The bytes up to the next separator; nil at the end of the list.
    private func nextLine() -> [UInt8]? {
        while descriptor >= 0 {
            if let separator = bytes[searched...].firstIndex(of: separator.rawValue) {
                defer { (start, searched) = (separator + 1, separator + 1) }
                return Array(bytes[start..<separator])
            }
            bytes.removeFirst(start)
            (start, searched) = (0, bytes.count)
            guard bytes.count <= Self.longestPath else {
                return fail("a name is longer than \(Self.longestPath) bytes; expected a list of paths")
            }
            if readMore() { continue }
            end()
            // The last path may lack its separator.
            return failure == nil && !bytes.isEmpty ? bytes : nil
        }
        return nil
    }

    /// Returns false at the end of the list, and when it cannot be read.
    private func readMore() -> Bool {
        var block = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = read(descriptor, &block, block.count)
            if count < 0 && errno == EINTR { continue }
            // A list that cannot be read, such as a directory, must not look like an empty list.
            if count < 0 { failure = Self.systemError() }
            guard count > 0 else { return false }
            bytes += block[..<count]
            return true
        }
    }

    /// Windows ends lines with CR LF, and begins a file with a byte order mark.
    private func name(in line: [UInt8]) -> ArraySlice<UInt8> {
        var name = line[...]
        guard separator == .newline else { return name }
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        if isFirst && name.starts(with: byteOrderMark) { name = name.dropFirst(byteOrderMark.count) }
        isFirst = false
        if name.last == UInt8(ascii: "\r") { name = name.dropLast() }
        return name
    }

    private func fail<Result>(_ reason: String) -> Result? {
        failure = reason
        end()
        return nil
    }

    private func end() {
        if isOwned && descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    private static func systemError() -> String { String(cString: strerror(errno)) }
}
