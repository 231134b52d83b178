private import Glibc
internal import NIOCore
internal import NIOHTTP1
private import SystemSupport

/// The clips in the daemons' folders, listed again when a folder has changed.
struct ClipIndex {
    private var folders = ClipFolders()
    private var changes: [timespec] = []

    mutating func path(of id: String, in paths: [String]) -> String? {
        let now = paths.map { Self.change(of: $0) }
        let isSame = zip(now, changes).allSatisfy { $0.tv_sec == $1.tv_sec && $0.tv_nsec == $1.tv_nsec }
        if !isSame || now.count != changes.count {
            // A folder that cannot be read has no clips.
            folders = (try? ClipFolders(paths.filter { (try? ClipFolders([$0])) != nil })) ?? ClipFolders()
            changes = now
        }
        return folders[id]
    }

    private static func change(of folder: String) -> timespec {
        var status = stat()
        return stat(folder.systemPath, &status) == 0 ? status.st_mtim : timespec()
    }
}

/// The file of a clip, open for reading.
///
/// Threading: any thread.
final class OpenClip: Sendable {
    let size: Int64
    /// Changes with the contents.
    let tag: String
    private let descriptor: Int32

    private static let pieceBytes = 131_072

    /// Opens a regular file, and no link.
    ///
    /// - Throws: ``PageRefusal``
    init(_ path: String) throws(PageRefusal) {
        descriptor = open(path.systemPath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            let reason =
                errno == EACCES ? "the gateway may not read the clip" : "the clip does not exist any more"
            if descriptor >= 0 { close(descriptor) }
            throw PageRefusal(.notFound, "not_found", reason)
        }
        size = Int64(status.st_size)
        tag = "\"\(String(status.st_mtim.tv_sec, radix: 16))-\(String(status.st_size, radix: 16))\""
    }

    deinit { close(descriptor) }

    /// Some bytes from the begin of a range; none at the end of the file, or if it cannot be read.
    func bytes(_ range: Range<Int64>) -> ByteBuffer {
        var bytes = [UInt8](repeating: 0, count: min(Self.pieceBytes, range.count))
        let count = pread(descriptor, &bytes, bytes.count, off_t(range.lowerBound))
        return ByteBuffer(bytes: bytes[..<max(0, count)])
    }
}

/// The part of a file that a request asks for.
enum ByteRange {
    /// The range of a header such as `bytes=0-99`, `bytes=100-` or `bytes=-100`.
    ///
    /// - Returns: nil: the whole file, also for several ranges and other units.
    /// - Throws: ``PageRefusal`` for one that begins behind the end.
    static func range(_ header: String, size: Int64) throws(PageRefusal) -> Range<Int64>? {
        guard header.hasPrefix("bytes="), !header.contains(",") else { return nil }
        let ends = header.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, ends.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else {
            return nil
        }
        // A number beyond 64 bits is beyond the end.
        let (first, last) = (Int64(ends[0]) ?? .max, Int64(ends[1]) ?? .max)
        let range: Range<Int64>
        switch (ends[0].isEmpty, ends[1].isEmpty) {
        case (true, true): return nil
        case (true, false): range = max(0, size - last)..<size
        case (false, true): range = min(first, size)..<size
        case (false, false):
            guard first <= last else { return nil }
            range = min(first, size)..<min(last, size - 1) + 1
        }
        guard !range.isEmpty else {
            throw PageRefusal(
                .rangeNotSatisfiable, "range", "the clip has \(size) bytes",
                headers: ["Content-Range": "bytes */\(size)"])
        }
        return range
    }
}
