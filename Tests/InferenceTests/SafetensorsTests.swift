import TestSupport
import Testing

@testable import Inference

@Suite struct SafetensorsTests {
    @Test(arguments: try Golden.load().broken)
    func `An invalid file is rejected with its name, or read within its bounds`(
        _ broken: Golden.BrokenFile
    ) throws {
        let path = Golden.path(broken.file)
        var found: ModelError?
        do throws(ModelError) {
            let file = try SafetensorsFile(mapping: path)
            for name in file.names { #expect(file.tensor(name)?.buffer.allSatisfy(\.isFinite) == true) }
        } catch {
            found = error
            #expect(
                error.description.hasPrefix(path + ": ") || error.description.hasPrefix(path + " is "),
                "\(error)")
            for part in broken.mentions { #expect(error.description.contains(part), "\(error)") }
        }
        if !broken.mayBeAccepted { #expect(found != nil, "\(broken.file) was accepted") }
    }

    @Test func `Errors state the file's own numbers`() {
        let problems = [
            "truncated-data": "tensor b is at bytes 16..<28 of 20",
            "truncated-length": "3 bytes long, a safetensors file has at least 8",
            "zero-byte": "0 bytes long",
            "absurd-length": "its first eight bytes are not the length of a header",
            "largest-length": "its first eight bytes are not the length of a header",
            "overlap": "tensor b overlaps another",
            "backwards": "tensor a is at bytes 16..<0 of 28",
            "wrong-size": "tensor a of shape [2, 3] needs 24 bytes, has 16",
            "overflowing-shape": "tensor a has an absurd shape [4294967296, 4294967296, 4]",
            "duplicate-names": "duplicate key `a`",
            "deep-json": "nested deeper than 32",
            "not-utf8": "a string is not UTF-8",
            "unknown-dtype": "dtype of a is F13, supported: F32, F16, BF16",
            "no-offsets": "tensor a lacks a valid dtype, shape or data_offsets",
        ]
        for (name, problem) in problems {
            do throws(ModelError) {
                _ = try SafetensorsFile(mapping: Golden.path("broken/\(name).safetensors"))
                Issue.record("\(name) was accepted")
            } catch {
                #expect(error.description.contains(problem), "\(name): \(error)")
            }
        }
    }

    @Test(arguments: ["stride10", "misaligned", "modern-names", "odd"])
    func `Every tensor equals what another reader finds`(model: String) throws {
        let path = Golden.path("models/\(model)/model.safetensors")
        let file = try SafetensorsFile(mapping: path)
        let other = try ArrayFile(path: path)
        #expect(file.names.sorted() == other.names)
        #expect(other.names.count > 20)
        for name in other.names {
            let tensor = try #require(file.tensor(name))
            #expect(tensor.shape == (try other.shape(name)))
            #expect(file.shape(of: name) == tensor.shape)
            #expect(Array(tensor.buffer) == (try other.floats(name)), "\(name)")
        }
        #expect(file.elementTypeName == "F32")
        #expect(file.tensor("absent") == nil && !file.contains("absent"))
    }

    @Test func `Aligned floats are views of the file, others are converted once`() throws {
        let name = "classifier.dense.weight"
        let aligned = try SafetensorsFile(mapping: Golden.path("models/stride10/model.safetensors"))
        let misaligned = try SafetensorsFile(mapping: Golden.path("models/misaligned/model.safetensors"))
        for file in [aligned, misaligned] {
            let first = try #require(file.tensor(name)), second = try #require(file.tensor(name))
            #expect(first.pointer == second.pointer, "whoever writes to a tensor must be seen by the next")
            #expect(UInt(bitPattern: first.pointer) % 4 == 0)
        }
    }

    @Test(arguments: [("f16", "F16"), ("bf16", "BF16")])
    func `Sixteen-bit weights report their type and are converted exactly`(model: String, type: String) throws
    {
        let file = try SafetensorsFile(mapping: Golden.path("models/\(model)/model.safetensors"))
        #expect(file.elementTypeName == type)
        let values = Array(try #require(file.tensor("classifier.dense.weight")).buffer)
        #expect(values.count == 12 * 32 && Set(values).count > 200)
        // No bits other than those of the 16-bit type.
        let keptBits: UInt32 = type == "F16" ? ~0x1FFF : ~0xFFFF
        #expect(values.allSatisfy { $0.bitPattern & ~keptBits == 0 })
    }

    @Test func `A header may end in spaces, hold metadata, and name tensors without elements`() throws {
        let folder = try TestFolder()
        let header =
            #"{"__metadata__":{"format":"pt","list":"[1,{"},"#
            + #""a\"\u00e9":{"shape":[],"data_offsets":[0,4],"dtype":"F32"},"#
            + #""none":{"dtype":"F32","shape":[0,3],"data_offsets":[4,4]}}   "#
        let path = try folder.write(Self.file(header, [1.5]), to: "a.safetensors")
        let file = try SafetensorsFile(mapping: path)
        #expect(file.names.sorted() == ["a\"é", "none"])
        #expect(file.tensor("a\"é").map { Array($0.buffer) } == [1.5])
        #expect(file.tensor("none")?.shape == [0, 3])
        #expect(file.tensor("none")?.count == 0)
    }

    @Test func `A tensor under the names of both transformers 4 and 5 is rejected`() throws {
        let folder = try TestFolder()
        let newer = "audio_spectrogram_transformer.layers.0.mlp.fc1.bias"
        let older = "audio_spectrogram_transformer.encoder.layer.0.intermediate.dense.bias"
        let header =
            #"{"\#(newer)":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
            + #""\#(older)":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#
        let path = try folder.write(Self.file(header, [1, 2]), to: "both.safetensors")
        do throws(ModelError) {
            _ = try Checkpoint(path: path)
            Issue.record("it was accepted")
        } catch {
            #expect(error.description.contains("(names of transformers 4 and 5, or"), "\(error)")
        }
    }

    /// A safetensors file.
    static func file(_ header: String, _ values: [Float]) -> [UInt8] {
        func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian, Array.init)
        }
        return littleEndian(UInt64(header.utf8.count)) + Array(header.utf8)
            + values.flatMap { littleEndian($0.bitPattern) }
    }
}
