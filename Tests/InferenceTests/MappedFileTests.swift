import TestSupport
import Testing

@testable import Inference
import Glibc

@Suite struct MappedFileTests {
    /// Access and sharing of the pages of `path` in this process, such as `r--p`.
    private static func access(_ path: String) throws -> [String] {
        // The kernel returns this file a page at a time: read it to its end.
        guard let file = fopen("/proc/self/maps", "re") else { throw TestFailure("no /proc/self/maps") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&block, 1, block.count, file), count > 0 { bytes += block[..<count] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { $0.hasSuffix(path) }
            .map { String($0.split(separator: " ")[1]) }
    }

    @Test func `The weights of a loaded model are read-only pages, unmapped with the model`() throws {
        let folder = try TestFolder()
        let model = try folder.copy(Golden.path("models/stride10"), to: "model")
        let path = model + "/model.safetensors"
        do {
            let network = try TestNetwork(
                directory: model, adapter: Golden.path("adapters/modern-qv"), threads: 1)
            let access = try Self.access(path)
            #expect(!access.isEmpty && access.allSatisfy { $0 == "r--p" }, "\(access)")
            withExtendedLifetime(network) {}
        }
        #expect(try Self.access(path).isEmpty)
    }

    @Test func `A copy of a file keeps its bytes when the file changes`() throws {
        let folder = try TestFolder()
        let path = try folder.write([1, 2, 3], to: "file")
        let copy = try FileCopy(path: path)
        try folder.write([9], to: "file")
        #expect(Array(copy.bytes) == [1, 2, 3])
    }

    @Test func `Files that cannot be mapped have distinct errors`() throws {
        let folder = try TestFolder()
        func problem(_ path: String) -> ModelError? {
            do throws(ModelError) {
                _ = try MappedFile(path: path)
                return nil
            } catch {
                return error
            }
        }
        let empty = try folder.write([UInt8](), to: "empty")
        #expect(problem(empty) == .malformed(path: empty, problem: "empty, 0 bytes long"))
        #expect(problem(folder.path) == .unreadable(path: folder.path, reason: "not a regular file"))
        #expect(problem("/dev/zero") == .unreadable(path: "/dev/zero", reason: "not a regular file"))
        let absent = folder.file("absent")
        #expect(problem(absent) == .unreadable(path: absent, reason: "No such file or directory"))
    }
}
