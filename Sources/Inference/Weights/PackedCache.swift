private import Glibc
private import SystemSupport

/// A directory of packed weights, so that they are not packed at every start.
///
/// A file's name is the SHA-256 of the base's file or shards, and the layout. Only bases are cached:
/// packing the few matrices of an adapter takes less time than verifying a cached file. A file that
/// cannot be read is built again.
public struct PackedCache: Sendable {
    private let storage: CacheDirectory
    var directory: String { storage.path }

    public init(directory: String) { storage = CacheDirectory(path: directory) }

    /// The file of a base's packed matrices; `nil` when there is no valid one.
    func file(for weights: [String], _ gemm: QuantizedGEMM) -> PackedFile? {
        guard let base = sha256(of: weights) else { return nil }
        let path = self.path(base, gemm)
        guard let file = PackedFile(path: path, base: base, gemm) else { return nil }
        // The time of the last use determines which files are kept.
        utimensat(AT_FDCWD, path.systemPath, nil, 0)
        storage.removeOldFiles()
        return file
    }

    /// Writes a file of a base's packed matrices atomically, also when other processes write it at the same
    /// time.
    ///
    /// - Returns: Why it was not written; `nil` on success.
    func write(
        _ content: PackedFile.Content, for weights: [String], _ gemm: QuantizedGEMM
    ) -> String? {
        guard let base = sha256(of: weights) else { return nil }
        // First, which makes room on a small disk.
        storage.removeOldFiles()
        let problem = storage.replace(path(base, gemm)) { descriptor in
            PackedFile.write(content, base: base, gemm) { RegularFile.write(descriptor, $0) }
        }
        storage.removeOldFiles()
        return problem
    }

    private func path(_ base: String, _ gemm: QuantizedGEMM) -> String {
        "\(directory)/\(base)-\(gemm.layout.replacing(" ", with: "-")).packed"
    }

    /// The SHA-256 of a file; of several, that of the list of theirs.
    private func sha256(of paths: [String]) -> String? {
        if paths.count == 1 { return sha256(of: paths[0]) }
        var digest = Digest()
        for path in paths {
            guard let sum = sha256(of: path) else { return nil }
            digest.add(sum + "\n")
        }
        return digest.hexadecimal()
    }

    /// The SHA-256 of a file. It is stored and reused while the file's inode, size and times stay the same:
    /// reading 346 MB at every start would take longer than the rest of the start.
    private func sha256(of path: String) -> String? {
        guard let identity = Self.identity(of: path) else { return nil }
        var digest = Digest()
        digest.add(identity)
        let memo = "\(directory)/\(digest.hexadecimal()).sha256"
        if let known = try? MappedFile(path: memo), known.bytes.count == 64,
            known.bytes.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        {
            return String(decoding: known.bytes, as: UTF8.self)
        }
        var content = Digest()
        guard (try? content.add(file: path)) != nil else { return nil }
        let sum = content.hexadecimal()
        guard Self.identity(of: path) == identity else { return nil }
        let bytes = Array(sum.utf8)
        storage.replace(memo) { descriptor in bytes.withUnsafeBytes { RegularFile.write(descriptor, $0) } }
        return sum
    }

    /// Numbers that were stored for files of this content; `nil` when there are none.
    func numbers(about files: [String], _ question: String) -> [Float]? {
        guard let path = path(about: files, question), let file = try? MappedFile(path: path) else {
            return nil
        }
        let words = String(decoding: file.bytes, as: UTF8.self).split(separator: " ")
        let numbers = words.compactMap { UInt32($0, radix: 16).map(Float.init(bitPattern:)) }
        return numbers.count == words.count ? numbers : nil
    }

    func remember(_ numbers: [Float], about files: [String], _ question: String) {
        guard let path = path(about: files, question) else { return }
        let bytes = Array(numbers.map { String($0.bitPattern, radix: 16) }.joined(separator: " ").utf8)
        storage.replace(path) { descriptor in bytes.withUnsafeBytes { RegularFile.write(descriptor, $0) } }
    }

    private func path(about files: [String], _ question: String) -> String? {
        var digest = Digest()
        digest.add(question)
        for file in files { digest.add("\n" + (sha256(of: file) ?? "none")) }
        return "\(directory)/\(digest.hexadecimal()).number"
    }

    private static func identity(of path: String) -> String? {
        var status = stat()
        guard stat(path.systemPath, &status) == 0 else { return nil }
        let (modified, changed) = (status.st_mtim, status.st_ctim)
        return [
            UInt64(status.st_dev), UInt64(status.st_ino), UInt64(status.st_size),
            UInt64(bitPattern: Int64(modified.tv_sec)), UInt64(modified.tv_nsec),
            UInt64(bitPattern: Int64(changed.tv_sec)), UInt64(changed.tv_nsec),
        ].map { String($0) }.joined(separator: " ")
    }
}
