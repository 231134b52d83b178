import TestSupport
import Testing

@testable import Batch

@Suite struct NumpyArrayTests {
    @Test func `The bytes are those that numpy.save writes`() {
        let bytes = NumpyArray(values: [1, -2.5, 0, .infinity, 1e-3, 3], shape: [2, 3]).bytes
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
        // np.save pads with spaces to a multiple of 64 and ends in a line break.
        let padding = String(repeating: " ", count: 128 - 10 - header.utf8.count - 1) + "\n"
        let wanted: [UInt8] =
            [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, 118, 0] + Array((header + padding).utf8) + [
                0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0, 0, 0, 0, 0, 0, 0, 0x80, 0x7F, 0x6F, 0x12, 0x83, 0x3A, 0,
                0,
                0x40, 0x40,
            ]
        #expect(bytes == wanted)
    }

    @Test(arguments: [
        [0], [1], [7], [2, 3], [1024, 128], [1, 2, 3, 4], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    ])
    func `The data begins at a multiple of 64 bytes and has the shape of the header`(shape: [Int]) throws {
        let count = shape.reduce(1, *)
        let bytes = NumpyArray(values: [Float](repeating: 2, count: count), shape: shape).bytes
        let headerLength = Int(bytes[8]) | Int(bytes[9]) << 8
        #expect((10 + headerLength) % 64 == 0)
        #expect(bytes.count == 10 + headerLength + 4 * count)
        #expect(bytes[9 + headerLength] == UInt8(ascii: "\n"))
        let header = String(decoding: bytes[10..<10 + headerLength], as: UTF8.self)
        let extents =
            shape.count == 1 ? "(\(shape[0]),)" : "(\(shape.map(String.init).joined(separator: ", ")))"
        #expect(header.contains("'shape': \(extents), }"), "a tuple of one element needs a comma")
    }

    @Test func `An array is written to a file, or a write error is thrown`() throws {
        let folder = try TestFolder()
        let array = NumpyArray(values: [1, 2], shape: [2])
        try array.write(to: folder.file("a.npy"))
        #expect(try TestFolder.bytes(of: folder.file("a.npy")) == array.bytes)
        let nowhere = folder.file("a.npy/b.npy")
        let error = #expect(throws: WriteError.self) { try array.write(to: nowhere) }
        #expect(error?.reason == "\(nowhere) cannot be written: Not a directory")
    }
}
