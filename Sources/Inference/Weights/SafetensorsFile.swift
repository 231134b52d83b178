private import CKernels

/// The tensors of one safetensors file, as floats.
///
/// F32 tensors are views of the file's bytes, without a copy. F16 and BF16 tensors are converted; F32 tensors
/// at unaligned addresses, which some programs write, are copied.
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
    /// - Throws: As ``init(mapping:)``.
    convenience init(reading path: String) throws(ModelError) {
        try self.init(FileCopy(path: path))
        for name in header.entries.keys { _ = tensor(name) }
    }

    private init(_ file: any FileContents) throws(ModelError) {
        path = file.path
        self.file = file
        header = try SafetensorsHeader(file: UnsafeRawBufferPointer(file.bytes), path: path)
    }

    var names: some Sequence<String> { header.entries.keys }

    func contains(_ name: String) -> Bool { header.entries[name] != nil }

    func shape(of name: String) -> [Int]? { header.entries[name]?.shape }

    /// The most precise element type in the file: `F32`, `F16` or `BF16`.
    var elementTypeName: String {
        let types = Set(header.entries.values.map(\.type))
        return (types.contains(.float32) ? .float32 : types.first ?? .float32).rawValue
    }

    /// The tensor called `name`; `nil` when there is none. Repeated calls return the same memory.
    func tensor(_ name: String) -> Tensor? {
        guard let entry = header.entries[name] else { return nil }
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
        }
        return Tensor(pointer: floats, shape: entry.shape)
    }

    /// Drops mapped pages from memory until they are read again.
    func dropPages() { (file as? MappedFile)?.dropPages() }

    /// The element types in the file: `F32`, `F16`, `BF16`.
    var elementTypeNames: [String] { Set(header.entries.values.map(\.type.rawValue)).sorted() }

    deinit {
        for floats in converted.values { floats.deallocate() }
    }
}
