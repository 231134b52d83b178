internal import TextSupport

/// The table of contents of a safetensors file, checked against the file before it is believed.
///
/// Layout: u64 little-endian header length, JSON header, data. `data_offsets` count from the header's end.
/// Format: https://huggingface.co/docs/safetensors
struct SafetensorsHeader {
    struct Entry: Equatable {
        var type: ElementType
        var shape: [Int]
        /// Bytes from the beginning of the file.
        var bytes: Range<Int>
    }

    /// An element type of the format. Only floats of 16 bits and more are read; a file may hold tensors
    /// of the other types that no network uses.
    enum ElementType: String {
        case float64 = "F64"
        case float32 = "F32"
        case float16 = "F16"
        case bfloat16 = "BF16"
        case bool = "BOOL"
        case signed8 = "I8"
        case unsigned8 = "U8"
        case float8E4 = "F8_E4M3"
        case float8E5 = "F8_E5M2"
        case signed16 = "I16"
        case unsigned16 = "U16"
        case signed32 = "I32"
        case unsigned32 = "U32"
        case signed64 = "I64"
        case unsigned64 = "U64"

        static let readable = "F32, F16, BF16, F64 (no quantised weights)"

        var byteCount: Int {
            switch self {
            case .bool, .signed8, .unsigned8, .float8E4, .float8E5: 1
            case .float16, .bfloat16, .signed16, .unsigned16: 2
            case .float32, .signed32, .unsigned32: 4
            case .float64, .signed64, .unsigned64: 8
            }
        }

        var isReadable: Bool { [.float64, .float32, .float16, .bfloat16].contains(self) }
    }

    /// By tensor name.
    private(set) var entries: [String: Entry] = [:]

    /// The largest header that is parsed. AST-base with 200 tensors has 22 KB; the format's own limit is 100
    /// MB.
    static let maximumHeaderBytes = 16 << 20
    static let maximumDimensions = 8

    /// - Throws: ``ModelError/malformed(path:problem:)``, ``ModelError/unsupported(path:key:found:wanted:)``.
    init(file bytes: UnsafeRawBufferPointer, path: String) throws(ModelError) {
        guard bytes.count >= 8 else {
            throw .malformed(
                path: path, problem: "truncated: \(bytes.count) bytes long, a safetensors file has at least 8"
            )
        }
        let declared = bytes.loadUnaligned(as: UInt64.self).littleEndian
        guard declared <= UInt64(bytes.count - 8), declared <= UInt64(Self.maximumHeaderBytes) else {
            let isCut = declared <= UInt64(Self.maximumHeaderBytes)
            throw .malformed(
                path: path,
                problem: isCut
                    ? "truncated: declares a header of \(declared) bytes, the file has \(bytes.count - 8) after its length"
                    : "not a safetensors file: its first eight bytes are not the length of a header"
            )
        }
        let dataStart = 8 + Int(declared)
        let header: JSONObject
        do throws(JSONError) {
            let text = UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart])
            guard case .object(let object) = try JSONValue(parsing: Array(text)) else {
                throw .wrongType(field: "the header", expected: "a JSON object")
            }
            header = object
        } catch {
            throw .malformed(path: path, problem: error.description)
        }
        for (name, value) in header.members where name != "__metadata__" {
            entries[name] = try Self.entry(
                named: name, value, dataStart: dataStart, fileEnd: bytes.count, path: path)
        }
        try checkOverlap(path: path)
    }

    private static func entry(
        named name: String, _ value: JSONValue, dataStart: Int, fileEnd: Int, path: String
    ) throws(ModelError) -> Entry {
        guard case .object(let fields) = value, let typeName = fields["dtype"]?.stringValue,
            let shape = fields["shape"]?.naturals, let offsets = fields["data_offsets"]?.naturals
        else {
            throw .malformed(path: path, problem: "tensor \(name) lacks a valid dtype, shape or data_offsets")
        }
        guard shape.count <= maximumDimensions, offsets.count == 2 else {
            throw .malformed(
                path: path,
                problem: "tensor \(name) has \(shape.count) dimensions and \(offsets.count) data_offsets, "
                    + "at most \(maximumDimensions) and exactly 2 expected")
        }
        guard let type = ElementType(rawValue: typeName) else {
            throw .unsupported(
                path: path, key: "dtype of \(name)", found: typeName, wanted: ElementType.readable)
        }
        guard offsets[0] <= offsets[1], offsets[1] <= fileEnd - dataStart else {
            let cut = offsets[0] <= offsets[1] ? "truncated: " : ""
            throw .malformed(
                path: path,
                problem:
                    "\(cut)tensor \(name) is at bytes \(offsets[0])..<\(offsets[1]) of \(fileEnd - dataStart)"
            )
        }
        var byteCount = type.byteCount
        for extent in shape {
            let (product, overflow) = byteCount.multipliedReportingOverflow(by: extent)
            guard !overflow else {
                throw .malformed(path: path, problem: "tensor \(name) has an absurd shape \(shape)")
            }
            byteCount = product
        }
        guard byteCount == offsets[1] - offsets[0] else {
            throw .malformed(
                path: path,
                problem:
                    "tensor \(name) of shape \(shape) needs \(byteCount) bytes, has \(offsets[1] - offsets[0])"
            )
        }
        return Entry(type: type, shape: shape, bytes: dataStart + offsets[0]..<dataStart + offsets[1])
    }

    private func checkOverlap(path: String) throws(ModelError) {
        let sorted = entries.sorted { $0.value.bytes.lowerBound < $1.value.bytes.lowerBound }
        var end = 0
        for (name, entry) in sorted where !entry.bytes.isEmpty {
            guard entry.bytes.lowerBound >= end else {
                throw .malformed(path: path, problem: "tensor \(name) overlaps another")
            }
            end = entry.bytes.upperBound
        }
    }
}

extension JSONValue {
    /// An array of integers, each in 0..<2^53 and written in digits alone.
    fileprivate var naturals: [Int]? {
        array { value in
            guard case .number(let digits) = value, let number = Int(digits), digits.first != "-",
                number < 1 << 53
            else { return nil }
            return number
        }
    }
}
