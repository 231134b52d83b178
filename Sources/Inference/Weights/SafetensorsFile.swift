private import CKernels

/// The tensors of one safetensors file, as floats.
///
/// F32 tensors are views of the file's bytes, without a copy. F16, BF16 and F64 tensors are converted; F32
/// tensors at unaligned addresses, which some programs write, are copied. Tensors of integers are listed, not
/// read.
final class SafetensorsFile {
    let path: String
    private let file: any FileContents
    private let header: SafetensorsHeader
    private var converted: [String: UnsafeMutablePointer<Float>] = [:]

    /// - Throws: ``ModelError``: unreadable, malformed, unsupported element type.
    convenience init(mapping path: String) throws(ModelError) {
        try self.init(MappedFile(path: path))
    }

    /// Reads a small file into memory; later changes of the file have no effect.
    ///
    /// - Parameter isInteger: Tensors that may hold integers (``integers(_:)``).
    /// - Throws: As ``init(mapping:)``.
    convenience init(
        reading path: String, integers isInteger: (String) -> Bool = { _ in false }
    ) throws(ModelError) {
        try self.init(FileCopy(path: path))
        for name in header.entries.keys.sorted() where !isInteger(name) {
            if let error = unreadableType(of: name) { throw error }
            _ = tensor(name)
        }
    }

    private init(_ file: any FileContents) throws(ModelError) {
        path = file.path
        self.file = file
        let bytes = UnsafeRawBufferPointer(file.bytes)
        do throws(ModelError) { header = try SafetensorsHeader(file: bytes, path: path) } catch {
            guard let found = ForeignContents(bytes, isJSONExpected: false) else { throw error }
            throw ModelError(found, in: path, isJSONExpected: false)
        }
    }

    var names: some Sequence<String> { header.entries.keys }

    func contains(_ name: String) -> Bool { header.entries[name] != nil }

    func shape(of name: String) -> [Int]? { header.entries[name]?.shape }

    /// The most precise element type in the file: `F32`, `F16`, ...
    var elementTypeName: String {
        let types = Set(header.entries.values.map(\.type))
        let floats: [SafetensorsHeader.ElementType] = [.float64, .float32, .bfloat16, .float16]
        return (floats.first(where: types.contains) ?? types.first ?? .float32).rawValue
    }

    /// The error about a tensor whose elements are not floats; `nil` for every other tensor.
    func unreadableType(of name: String) -> ModelError? {
        guard let type = header.entries[name]?.type, !type.isReadable else { return nil }
        return .unsupported(
            path: path, key: "dtype of \(name)", found: type.rawValue,
            wanted: SafetensorsHeader.ElementType.readable)
    }

    /// Bytes of all tensors.
    var tensorBytes: Int { header.entries.values.reduce(0) { $0 + $1.bytes.count } }

    /// The tensor called `name`; `nil` when there is none, or when its elements are not floats. Repeated
    /// calls return the same memory.
    func tensor(_ name: String) -> Tensor? {
        guard let entry = header.entries[name], entry.type.isReadable else { return nil }
        // SAFETY: the header's range was checked against the mapping's size.
        let bytes = UnsafeMutableRawBufferPointer(rebasing: file.bytes[entry.bytes])
        if let floats = converted[name] { return Tensor(pointer: floats, shape: entry.shape) }
        if entry.type == .float32, let start = bytes.baseAddress,
            UInt(bitPattern: start) % UInt(MemoryLayout<Float>.alignment) == 0
        {
            return Tensor(
                pointer: start.bindMemory(to: Float.self, capacity: bytes.count / 4), shape: entry.shape)
        }
        let floats = UnsafeMutablePointer<Float>.allocate(
            capacity: max(1, bytes.count / entry.type.byteCount))
        converted[name] = floats
        let count = bytes.count / entry.type.byteCount
        switch entry.type {
        case .float32:
            UnsafeMutableRawPointer(floats).copyMemory(
                from: bytes.baseAddress ?? .init(floats), byteCount: bytes.count)
        case .float16: ast_kernels_for_this_cpu().pointee.half_to_float(bytes.baseAddress, floats, count)
        case .bfloat16: ast_kernels_for_this_cpu().pointee.bfloat16_to_float(bytes.baseAddress, floats, count)
        default:  // F64
            for index in 0..<count {
                floats[index] = Float(bytes.loadUnaligned(fromByteOffset: index * 8, as: Double.self))
            }
        }
        return Tensor(pointer: floats, shape: entry.shape)
    }

    /// The elements of a tensor of integers, or of floats that are whole numbers; `nil` when there is none,
    /// or when it holds something else.
    func integers(_ name: String) -> [Int]? {
        guard let entry = header.entries[name] else { return nil }
        let bytes = UnsafeMutableRawBufferPointer(rebasing: file.bytes[entry.bytes])
        func all<Element: FixedWidthInteger>(_ type: Element.Type) -> [Int]? {
            let size = MemoryLayout<Element>.size
            let values = (0..<bytes.count / size).compactMap {
                Int(exactly: Element(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * size, as: type)))
            }
            return values.count == bytes.count / size ? values : nil
        }
        switch entry.type {
        case .signed8: return all(Int8.self)
        case .unsigned8: return all(UInt8.self)
        case .signed16: return all(Int16.self)
        case .unsigned16: return all(UInt16.self)
        case .signed32: return all(Int32.self)
        case .unsigned32: return all(UInt32.self)
        case .signed64: return all(Int64.self)
        case .unsigned64: return all(UInt64.self)
        case .bool, .float8E4, .float8E5: return nil
        case .float64, .float32, .float16, .bfloat16:
            guard let floats = tensor(name) else { return nil }
            let values = floats.buffer.compactMap { Int(exactly: $0) }
            return values.count == floats.count ? values : nil
        }
    }

    /// Drops mapped pages from memory until they are read again.
    func dropPages() { (file as? MappedFile)?.dropPages() }

    /// The element types in the file, such as `F32`.
    var elementTypeNames: [String] { Set(header.entries.values.map(\.type.rawValue)).sorted() }

    deinit {
        for floats in converted.values { floats.deallocate() }
    }
}
