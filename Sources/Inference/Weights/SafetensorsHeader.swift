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

    enum ElementType: String {
        case float32 = "F32"
        case float16 = "F16"
        case bfloat16 = "BF16"

        var byteCount: Int { self == .float32 ? 4 : 2 }
    }

    /// By tensor name.
    private(set) var entries: [String: Entry] = [:]

    /// The largest header that is parsed. AST-base with 200 tensors has 22 KB; the format's own limit is 100 MB.
    static let maximumHeaderBytes = 16 << 20
    static let maximumDimensions = 8

    /// - Throws: ``ModelError/malformed(path:problem:)``, ``ModelError/unsupported(path:key:found:wanted:)``.
    init(file bytes: UnsafeRawBufferPointer, path: String) throws(ModelError) {
        guard bytes.count >= 8 else {
            throw .malformed(
                path: path, problem: "\(bytes.count) bytes long, a safetensors file has at least 8")
        }
        let declared = bytes.loadUnaligned(as: UInt64.self).littleEndian
        guard declared <= UInt64(bytes.count - 8), declared <= UInt64(Self.maximumHeaderBytes) else {
            throw .malformed(
                path: path,
                problem:
                    "declares a header of \(declared) bytes, the file has \(bytes.count - 8) after its length"
            )
        }
        let dataStart = 8 + Int(declared)
        var scanner = JSONScanner(UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart]), path: path)
        try scanner.object { name, scanner throws(ModelError) in
            if name == "__metadata__" { return try scanner.skipValue() }
            let entry = try Self.entry(named: name, &scanner, dataStart: dataStart, fileEnd: bytes.count)
            guard self.entries.updateValue(entry, forKey: name) == nil else {
                throw .malformed(path: path, problem: "names tensor \(name) twice")
            }
        }
        try scanner.end()
        try checkOverlap(path: path)
    }

    private static func entry(
        named name: String, _ scanner: inout JSONScanner, dataStart: Int, fileEnd: Int
    ) throws(ModelError) -> Entry {
        var typeName: String?
        var shape: [Int]?
        var offsets: [Int]?
        try scanner.object { key, scanner throws(ModelError) in
            switch key {
            case "dtype": typeName = try scanner.string()
            case "shape": shape = try scanner.naturals(atMost: maximumDimensions)
            case "data_offsets": offsets = try scanner.naturals(atMost: 2)
            default: try scanner.skipValue()
            }
        }
        let path = scanner.path
        guard let typeName, let shape, let offsets, offsets.count == 2 else {
            throw .malformed(path: path, problem: "tensor \(name) lacks dtype, shape or data_offsets")
        }
        guard let type = ElementType(rawValue: typeName) else {
            throw .unsupported(path: path, key: "dtype of \(name)", found: typeName, wanted: "F32, F16, BF16")
        }
        guard offsets[0] <= offsets[1], offsets[1] <= fileEnd - dataStart else {
            throw .malformed(
                path: path,
                problem: "tensor \(name) is at bytes \(offsets[0])..<\(offsets[1]) of \(fileEnd - dataStart)")
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
