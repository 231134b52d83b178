import CKernels
import TestSupport
import Testing

@testable import Inference

@Suite struct HalfPrecisionTests {
    private static let patterns = Array(UInt16.min...UInt16.max)

    /// IEEE 754 half precision by its definition: sign, 5 bits of exponent, 10 of fraction.
    private static func half(_ bits: UInt16) -> Double {
        let sign: Double = bits & 0x8000 == 0 ? 1 : -1
        let exponent = Int(bits >> 10 & 31), fraction = Double(bits & 0x3FF) / 1024
        switch exponent {
        case 0: return sign * fraction * Double(sign: .plus, exponent: -14, significand: 1)
        case 31: return fraction == 0 ? sign * .infinity : .nan
        default: return sign * Double(sign: .plus, exponent: exponent - 15, significand: 1 + fraction)
        }
    }

    private static func convert(
        _ patterns: [UInt16], offset: Int,
        _ conversion: (UnsafeRawPointer, UnsafeMutablePointer<Float>, Int) -> Void
    ) -> [Float] {
        let bytes =
            [UInt8](repeating: 0xEE, count: offset)
            + patterns.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        // One element more than should be written.
        var floats = [Float](repeating: 12345.5, count: patterns.count + 1)
        bytes.withUnsafeBytes { bytes in
            floats.withUnsafeMutableBufferPointer { floats in
                if let source = bytes.baseAddress, let destination = floats.baseAddress {
                    conversion(source + offset, destination, patterns.count)
                }
            }
        }
        #expect(floats.last == 12345.5, "written past the end")
        return floats.dropLast()
    }

    @Test(arguments: ReferenceKernels.available)
    func `All 65536 halves are converted exactly`(set: String) throws {
        let kernels = try #require(ast_kernels_named(set)).pointee
        let floats = Self.convert(Self.patterns, offset: 0) { kernels.half_to_float($0, $1, $2) }
        var wrong: [UInt16] = []
        for (bits, float) in zip(Self.patterns, floats) {
            let wanted = Self.half(bits)
            let isRight =
                wanted.isNaN
                ? float.isNaN : Double(float) == wanted && (float.sign == .minus) == (bits & 0x8000 != 0)
            if !isRight { wrong.append(bits) }
        }
        #expect(wrong.isEmpty)
    }

    @Test(arguments: ReferenceKernels.available)
    func `All 65536 bfloats are converted exactly`(set: String) throws {
        let kernels = try #require(ast_kernels_named(set)).pointee
        let floats = Self.convert(Self.patterns, offset: 0) { kernels.bfloat16_to_float($0, $1, $2) }
        #expect(floats.map(\.bitPattern) == Self.patterns.map { UInt32($0) << 16 })
    }

    @Test(arguments: ReferenceKernels.available)
    func `Odd addresses and odd lengths are converted to their last element`(set: String) throws {
        let kernels = try #require(ast_kernels_named(set)).pointee
        for count in 0...70 {
            let patterns = (0..<count).map { UInt16(truncatingIfNeeded: 0x3C00 + 977 * $0) }
            for offset in [0, 1, 3] {
                let halves = Self.convert(patterns, offset: offset) { kernels.half_to_float($0, $1, $2) }
                let bfloats = Self.convert(patterns, offset: offset) { kernels.bfloat16_to_float($0, $1, $2) }
                for (index, bits) in patterns.enumerated() {
                    let wanted = Self.half(bits)
                    #expect(Double(halves[index]) == wanted || wanted.isNaN && halves[index].isNaN)
                    #expect(bfloats[index].bitPattern == UInt32(bits) << 16)
                }
            }
        }
    }

    @Test func `A file of all halves is read exactly`() throws {
        let folder = try TestFolder()
        let header = Array(#"{"all":{"dtype":"F16","shape":[256,256],"data_offsets":[0,131072]}} "#.utf8)
        let length = withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init)
        let data = Self.patterns.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        let file = try SafetensorsFile(mapping: folder.write(length + header + data, to: "all.safetensors"))
        let values = Array(try #require(file.tensor("all")).buffer)
        #expect(
            zip(Self.patterns, values).allSatisfy { bits, value in
                let wanted = Self.half(bits)
                return Double(value) == wanted || wanted.isNaN && value.isNaN
            })
    }
}
