import Glibc

/// A folder for one test, removed with everything in it when the test is done.
final class TestFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/astd-capture-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw TestTrouble("mkdtemp failed: errno \(errno)") }
        path = String(cString: made)
    }

    deinit { Self.remove(path) }

    /// The path of a file in this folder.
    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file and returns its path.
    @discardableResult
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        let path = file(name)
        guard let handle = fopen(path, "wb") else { throw TestTrouble("cannot write \(path)") }
        defer { fclose(handle) }
        guard fwrite(bytes, 1, bytes.count, handle) == bytes.count else {
            throw TestTrouble("short write to \(path)")
        }
        return path
    }

    /// All bytes of a file.
    static func bytes(of path: String) throws -> [UInt8] {
        guard let handle = fopen(path, "rb") else { throw TestTrouble("cannot read \(path)") }
        defer { fclose(handle) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&block, 1, block.count, handle)
            if count == 0 { return bytes }
            bytes += block[..<count]
        }
    }

    private static func remove(_ path: String) {
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
                    String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != "." && name != ".." { remove("\(path)/\(name)") }
            }
            closedir(folder)
            rmdir(path)
        } else {
            unlink(path)
        }
    }
}

/// Something went wrong with a test's own set-up.
struct TestTrouble: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Seconds of the monotonic clock, for time limits.
func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
