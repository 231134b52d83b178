private import FoundationEssentials

/// The arrays of a safetensors file that the golden scripts wrote, as doubles.
///
/// Independent of the reader under test, which does not support F64.
package struct ArrayFile {
    private let path: String
    private let bytes: Data
    private let dataStart: Int
    private let entries: [String: Entry]

    private struct Entry: Decodable {
        let dtype: String
        let shape: [Int]
        let offsets: [Int]

        enum CodingKeys: String, CodingKey {
            case dtype, shape
            case offsets = "data_offsets"
        }
    }

    /// Reads a file of `Tests/Golden`.
    package init(golden relative: String) throws { try self.init(path: Golden.path(relative)) }

    package init(path: String) throws {
        self.path = path
        bytes = try Data(contentsOf: URL(filePath: path))
        guard bytes.count > 8 else { throw TestFailure("\(path) is not a safetensors file") }
        dataStart = 8 + bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard dataStart < bytes.count else { throw TestFailure("\(path) is truncated") }
        let header = try JSONDecoder().decode([String: Member].self, from: bytes[8..<dataStart])
        entries = header.compactMapValues(\.entry)
    }

    /// A tensor, or `__metadata__`.
    private struct Member: Decodable {
        let entry: Entry?
        init(from decoder: any Decoder) throws { entry = try? Entry(from: decoder) }
    }

    package var names: [String] { entries.keys.sorted() }

    package func shape(_ name: String) throws -> [Int] { try entry(name).shape }

    package func floats(_ name: String) throws -> [Float] { try doubles(name).map { Float($0) } }

    /// - Throws: ``TestFailure`` when the array is missing.
    package func doubles(_ name: String) throws -> [Double] {
        let entry = try entry(name)
        let range = try byteRange(name)
        return try bytes[range].withUnsafeBytes { buffer in
            switch entry.dtype {
            case "F64":
                (0..<buffer.count / 8).map { buffer.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
            case "F32":
                (0..<buffer.count / 4).map {
                    Double(buffer.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self))
                }
            default: throw TestFailure("\(path): \(name) is \(entry.dtype)")
            }
        }
    }

    /// The array's position in the file.
    package func byteRange(_ name: String) throws -> Range<Int> {
        let entry = try entry(name)
        let range = dataStart + entry.offsets[0]..<dataStart + entry.offsets[1]
        guard range.upperBound <= bytes.count else { throw TestFailure("\(path) is truncated") }
        return range
    }

    private func entry(_ name: String) throws -> Entry {
        guard let entry = entries[name] else { throw TestFailure("\(path) has no array \(name)") }
        return entry
    }
}
