private import TextSupport

/// What a file contains that should be weights or a configuration and is neither, recognised by its first
/// bytes: what downloads, git and other programs leave under that name.
enum ForeignContents: Equatable {
    case lfsPointer
    case webPage
    case xml
    /// The answer of a server that refused a download, and the start of its text.
    case serverError(String)
    case json
    case text(String)
    case utf16
    case byteOrderMark
    case pickle
    case torchArchive
    case archive(String)
    case zeros

    /// Bytes that are looked at.
    private static let prefixBytes = 512

    /// - Parameter isJSONExpected: Whether JSON is what the file should contain.
    /// - Returns: `nil` for contents of no known kind.
    init?(_ file: UnsafeRawBufferPointer, isJSONExpected: Bool) {
        let start = Array(file.prefix(Self.prefixBytes))
        func begins(_ bytes: [UInt8]) -> Bool { start.starts(with: bytes) }
        let archives: [(name: String, signature: [UInt8])] = [
            ("a gzip file", [0x1F, 0x8B, 0x08]), ("a bzip2 file", Array("BZh".utf8)),
            ("an xz file", [0xFD, 0x37, 0x7A, 0x58, 0x5A]), ("a Zstandard file", [0x28, 0xB5, 0x2F, 0xFD]),
            ("a 7z archive", [0x37, 0x7A, 0xBC, 0xAF]), ("a RAR archive", Array("Rar!".utf8)),
            ("an HDF5 file (TensorFlow)", [0x89, 0x48, 0x44, 0x46]), ("a GGUF file", Array("GGUF".utf8)),
            ("a NumPy array", [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]),
        ]
        if let found = archives.first(where: { begins($0.signature) }) {
            self = .archive(found.name)
        } else if begins(Array("PK\u{3}\u{4}".utf8)) {
            // torch.save: the first entry is NAME/data.pkl.
            self = Self.contains(start, "/data.pkl") ? .torchArchive : .archive("a zip archive")
        } else if start.count >= 262, start[257..<262].elementsEqual("ustar".utf8) {
            self = .archive("a tar archive")
        } else if begins([0x80]), start.count > 8, (2...5).contains(start[1]),
            start[4..<8].contains(where: { $0 != 0 }) || start[8] != UInt8(ascii: "{")
        {
            // In a safetensors file the same bytes are the length of a header, whose upper bytes are zero and
            // which begins with a brace.
            self = .pickle
        } else if begins([0xEF, 0xBB, 0xBF]) {
            self = .byteOrderMark
        } else if begins([0xFF, 0xFE]) || begins([0xFE, 0xFF]) {
            self = .utf16
        } else if start.count >= 8, start.allSatisfy({ $0 == 0 }) {
            self = .zeros
        } else if let text = Self.text(start) {
            self.init(text: text, isJSONExpected: isJSONExpected)
        } else {
            return nil
        }
    }

    private init?(text: String, isJSONExpected: Bool) {
        let bare = text.drop { $0.isWhitespace }
        let lower = bare.lowercased()
        if text.hasPrefix("version https://git-lfs") {
            self = .lfsPointer
        } else if lower.hasPrefix("<!doctype html") || lower.hasPrefix("<html") || lower.hasPrefix("<head") {
            self = .webPage
        } else if lower.hasPrefix("<") {
            self = .xml
        } else if bare.hasPrefix("{") || bare.hasPrefix("[") {
            if isJSONExpected { return nil }
            self = lower.contains("\"error") ? .serverError(Self.quoted(bare)) : .json
        } else if bare.isEmpty || isJSONExpected && Self.isJSONScalar(bare) {
            return nil
        } else {
            self = .text(Self.quoted(bare))
        }
    }

    /// With its article: "a Git LFS pointer".
    var name: String {
        switch self {
        case .lfsPointer: "a Git LFS pointer"
        case .webPage: "an HTML page"
        case .xml: "an XML text"
        case .serverError(let text): "the error message of a server, \(text)"
        case .json: "a JSON text"
        case .text(let text): "a text, \(text)"
        case .utf16: "a text in UTF-16"
        case .byteOrderMark: "a text with a byte order mark"
        case .pickle: "a Python pickle"
        case .torchArchive: "a Python pickle (a zip file of torch.save)"
        case .archive(let name): name
        case .zeros: "nothing but zero bytes"
        }
    }

    /// What to do about it.
    ///
    /// - Parameter isJSONExpected: Whether JSON is what the file should contain.
    func remedy(isJSONExpected: Bool) -> String {
        switch self {
        case .lfsPointer: "run git lfs pull"
        case .webPage: "download the file itself instead of the page about it"
        case .serverError: "download it again; a private model needs a token"
        case .utf16, .byteOrderMark: "save it as UTF-8 without a byte order mark"
        case .pickle, .torchArchive:
            isJSONExpected ? "download it again" : "convert it with tools/import_bin.py"
        case .archive(let name):
            name.contains("TensorFlow") || name.contains("GGUF") || name.contains("NumPy")
                ? "save the model with save_pretrained of transformers" : "unpack it"
        case .xml, .json, .text: "download it again"
        case .zeros: "the download or the copy was interrupted; download it again"
        }
    }

    private static func quoted(_ text: Substring) -> String {
        "\"\(JSONError.shortened(String(text.prefix { !$0.isNewline })))\""
    }

    private static func isJSONScalar(_ text: Substring) -> Bool {
        ["true", "false", "null"].contains(where: text.hasPrefix)
            || text.first.map { "\"-0123456789".contains($0) } ?? false
    }

    private static func contains(_ bytes: [UInt8], _ text: String) -> Bool {
        let wanted = Array(text.utf8)
        return bytes.indices.contains { bytes[$0...].starts(with: wanted) }
    }

    /// The bytes as text; `nil` unless all of them are, and none is a control character.
    private static func text(_ bytes: [UInt8]) -> String? {
        // The last character may be cut.
        for end in (max(0, bytes.count - 3)...bytes.count).reversed() {
            guard let text = String(validating: bytes[..<end], as: UTF8.self) else { continue }
            let isPlain = text.unicodeScalars.allSatisfy {
                $0.value >= 0x20 || "\t\n\r".unicodeScalars.contains($0)
            }
            return text.isEmpty || !isPlain ? nil : text
        }
        return nil
    }
}

extension ModelError {
    /// The error about a file whose contents are recognised as something else.
    init(_ contents: ForeignContents, in path: String, isJSONExpected: Bool) {
        self = .foreign(
            path: path, found: contents.name, wanted: isJSONExpected ? "a configuration" : "the weights",
            remedy: contents.remedy(isJSONExpected: isJSONExpected))
    }
}
