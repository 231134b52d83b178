import TestSupport
import Testing

@testable import Inference

/// Files that are not what their name says.
@Suite struct ForeignContentsTests {
    /// Contents, and what the message says after the path.
    private static let weights: [(bytes: [UInt8], message: String)] = [
        (
            Array("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 346404948\n".utf8),
            " is a Git LFS pointer, not the weights: run git lfs pull"
        ),
        (
            Array("<!DOCTYPE html>\n<html>".utf8),
            " is an HTML page, not the weights: download the file itself"
        ),
        (Array("\n<html><body>".utf8), " is an HTML page, not the weights"),
        (Array("<?xml version=\"1.0\"?><Error><Code>AccessDenied".utf8), " is an XML text, not the weights"),
        (
            Array(#"{"error":"Repository not found"}"#.utf8),
            #" is the error message of a server, "{"error":"Repository not found"}", not the weights"#
        ),
        (Array(#"{"weight_map":{}}"#.utf8), " is a JSON text, not the weights"),
        (Array("Entry not found".utf8), #" is a text, "Entry not found", not the weights"#),
        (
            [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20],
            " is a Python pickle, not the weights: convert it with tools/import_bin.py"
        ),
        ([0x80, 0x05, 0x95, 0x10, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06], " is a Python pickle, not"),
        // A short frame has zeros where the upper bytes of a header's length are.
        ([0x80, 0x04, 0x95, 0xD8, 0, 0, 0, 0, 0, 0, 0, 0x7D, 0x94], " is a Python pickle, not"),
        (
            Array("PK\u{3}\u{4}".utf8) + [0, 0, 8, 8, 0, 0] + Array("archive/data.pkl".utf8),
            " is a Python pickle (a zip file of torch.save), not the weights: convert it with"
        ),
        (
            Array("PK\u{3}\u{4}".utf8) + [0x14, 0, 0, 0] + Array("a.txt".utf8),
            " is a zip archive, not the weights: unpack"
        ),
        ([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3], " is a gzip file, not the weights: unpack it"),
        ([UInt8](repeating: 0, count: 4096), " is nothing but zero bytes, not the weights: the download"),
        ([], ": empty, 0 bytes long"),
    ]

    @Test(arguments: weights.indices)
    func `What lies in place of the weights is said`(index: Int) throws {
        let (bytes, message) = Self.weights[index]
        let model = try EditedModel()
        try model.write(bytes, to: "model.safetensors")
        let error = try #require(model.error)
        #expect(error.hasPrefix("\(model.path)/model.safetensors\(message)"), "\(error)")
    }

    @Test func `Weights that end early are truncated, whatever their first bytes`() throws {
        let model = try EditedModel()
        let whole = try TestFolder.bytes(of: Golden.path("models/stride10/model.safetensors"))
        for count in [4, 8, 500, whole.count / 2, whole.count - 1] {
            try model.write(whole.prefix(count), to: "model.safetensors")
            #expect(
                model.error?.hasPrefix("\(model.path)/model.safetensors: truncated: ") == true,
                "\(count): \(model.error ?? "accepted")")
        }
        // The length of a header as a pickle's first two bytes.
        try model.write([0x80, 0x04, 0, 0, 0, 0, 0, 0] + "{\"a\":".utf8, to: "model.safetensors")
        #expect(model.error?.contains(": truncated: declares a header of 1152 bytes") == true)
    }

    /// Contents, and what the message says after the path.
    private static let configs: [(text: String, message: String)] = [
        (
            "version https://git-lfs.github.com/spec/v1\n",
            " is a Git LFS pointer, not a configuration: run git lfs"
        ),
        ("<!doctype html>", " is an HTML page, not a configuration"),
        (
            #"{"error":"Invalid credentials"}"#,
            #" is the error message of a server, "Invalid credentials", not"#
        ),
        ("Entry not found", #" is a text, "Entry not found", not a configuration: download it again"#),
        ("\u{FEFF}{}", " is a text with a byte order mark, not a configuration: save it as UTF-8"),
        ("Not Found", #" is a text, "Not Found", not a configuration: download it again"#),
        ("", ": empty, 0 bytes long"),
        (#"{"a": 1"#, ": truncated: not JSON at byte 7"),
        (#"{"std": NaN}"#, ": std is NaN, supported: a number (JSON has no NaN)"),
        (#"{"mean": -Infinity, "std": 1}"#, ": mean is Infinity, supported: a number"),
    ]

    @Test(arguments: configs.indices, ["config.json", "preprocessor_config.json"])
    func `What lies in place of a configuration is said`(index: Int, name: String) throws {
        let (text, message) = Self.configs[index]
        let model = try EditedModel()
        try model.write(text.utf8, to: name)
        let error = try #require(model.error)
        #expect(error.hasPrefix("\(model.path)/\(name)\(message)"), "\(error)")
    }

    @Test func `A UTF-16 text and a pickle in place of a configuration are said`() throws {
        let model = try EditedModel()
        try model.write([0xFF, 0xFE, 0x7B, 0, 0x7D, 0], to: "config.json")
        #expect(model.error?.contains("config.json is a text in UTF-16, not a configuration") == true)
        try model.write([0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9], to: "config.json")
        #expect(
            model.error?.contains("config.json is a Python pickle, not a configuration: download") == true)
    }
}
