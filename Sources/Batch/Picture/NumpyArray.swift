/// An array in NumPy's file format, version 1.0: float32, little-endian, row-major.
///
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
public struct NumpyArray {
    private let values: [Float]
    private let shape: [Int]

    public init(values: [Float], shape: [Int]) {
        precondition(values.count == shape.reduce(1, *))
        self.values = values
        self.shape = shape
    }

    public func write(to path: String) throws(WriteError) {
        try OutputFile.write(bytes, to: path)
    }

    var bytes: [UInt8] {
        var bytes = Self.head(shape: shape)
        bytes.reserveCapacity(bytes.count + 4 * values.count)
        bytes += Self.data(values)
        return bytes
    }

    /// Everything before the values. A matrix has 128 bytes of it, however many rows it has.
    static func head(shape: [Int]) -> [UInt8] {
        let extents = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(extents)), }"
        // NumPy pads magic, version, length and header together to a multiple of 64 bytes.
        header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
        var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
        bytes += [UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8)]
        return bytes + Array(header.utf8)
    }

    static func data(_ values: [Float]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 * values.count)
        for value in values {
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }
}
