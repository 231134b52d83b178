private import COpenSSL
private import Glibc

/// SHA-256 of files, to tell whether two models or adapters are the same.
public struct Digest: ~Copyable {
    private let context: OpaquePointer?

    public init() {
        context = EVP_MD_CTX_new()
        EVP_DigestInit_ex(context, EVP_sha256(), nil)
    }

    deinit { EVP_MD_CTX_free(context) }

    /// - Throws: ``ModelError/unreadable(path:reason:)``.
    public mutating func add(file path: String) throws(ModelError) {
        let (descriptor, size) = try RegularFile.open(path: path)
        defer { close(descriptor) }
        // Not an aligned allocation, whose memory glibc would not reuse.
        var block = [UInt8](repeating: 0, count: 1 << 18)
        var total = 0
        while case let count = block.withUnsafeMutableBytes({ RegularFile.read(descriptor, into: $0) }),
            count > 0
        {
            EVP_DigestUpdate(context, block, count)
            total += count
        }
        guard total == size else {
            throw .unreadable(path: path, reason: "the file changed while it was read")
        }
    }

    public mutating func add(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    public mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { _ = EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    }

    /// Returns 64 hexadecimal digits, and ends the computation.
    public consuming func hexadecimal() -> String {
        var bytes = [UInt8](repeating: 0, count: 32)
        EVP_DigestFinal_ex(context, &bytes, nil)
        return bytes.map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }.joined()
    }
}
