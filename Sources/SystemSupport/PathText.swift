private import Glibc

/// Paths as text, and back.
///
/// To Linux a name is a sequence of bytes; records, messages and settings need text. The text of a path is
/// its UTF-8. A byte that is not part of valid UTF-8 is written `\xHH`, with its value in two hexadecimal
/// digits. A name that itself contains such an escape has its backslash written `\x5C`. Every path has one
/// text, and ``bytes(_:)`` returns the path's own bytes. Ordinary names are their own text.
///
/// All of astd keeps paths in this form; a system call gets ``Swift/String/systemPath``.
public enum PathText {
    /// The arguments of this process without the program's name. (`CommandLine.arguments` replaces bytes that
    /// are not UTF-8.)
    public static var arguments: [String] {
        // SAFETY: the kernel's own array of `argc` strings; astd never changes it.
        (1..<max(1, Int(CommandLine.argc))).compactMap {
            CommandLine.unsafeArgv[$0].map { text(cString: $0) }
        }
    }

    /// The text of a path that a system call returned.
    public static func text(cString: UnsafePointer<CChar>) -> String {
        // SAFETY: the string ends with a NUL; its bytes are copied within the call.
        text(UnsafeRawBufferPointer(start: cString, count: strlen(cString)))
    }

    /// The text of a path or of a part of it.
    public static func text(_ path: some Collection<UInt8>) -> String {
        if !path.contains(backslash), let text = String(validating: path, as: UTF8.self) { return text }
        let bytes = Array(path)
        var text: [UInt8] = []
        var position = 0
        var parser = Unicode.UTF8.ForwardParser()
        var rest = bytes.makeIterator()
        while position < bytes.count {
            switch parser.parseScalar(from: &rest) {
            case .valid(let scalar):
                if escaped(bytes, at: position) != nil {
                    append(backslash, to: &text)
                } else {
                    text += bytes[position..<position + scalar.count]
                }
                position += scalar.count
            case .error(let count):
                for byte in bytes[position..<position + count] { append(byte, to: &text) }
                position += count
            case .emptyInput: position = bytes.count
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of the path whose text this is.
    public static func bytes(_ text: String) -> [UInt8] {
        let text = Array(text.utf8)
        guard text.contains(backslash) else { return text }
        var bytes: [UInt8] = []
        var position = 0
        while position < text.count {
            // No name has a NUL or a slash; text that claims so is a name with a backslash.
            if let byte = escaped(text, at: position), byte != 0, byte != UInt8(ascii: "/") {
                bytes.append(byte)
                position += 4
            } else {
                bytes.append(text[position])
                position += 1
            }
        }
        return bytes
    }

    /// Text on one line that cannot control a terminal: control characters, line separators and marks of
    /// writing direction are written `\xHH`, byte by byte. The result is still the text of the same path.
    public static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: needsEscape) else { return text }
        var clean: [UInt8] = []
        for scalar in text.unicodeScalars {
            for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
                if needsEscape(scalar) { append(byte, to: &clean) } else { clean.append(byte) }
            }
        }
        return String(decoding: clean, as: UTF8.self)
    }

    private static let backslash = UInt8(ascii: "\\")

    private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    private static func append(_ byte: UInt8, to text: inout [UInt8]) {
        let digits = Array("0123456789ABCDEF".utf8)
        text += [backslash, UInt8(ascii: "x"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    /// The byte that an escape at `position` stands for; nil where there is no escape.
    private static func escaped(_ bytes: [UInt8], at position: Int) -> UInt8? {
        guard bytes[position] == backslash, position + 3 < bytes.count,
            bytes[position + 1] == UInt8(ascii: "x"),
            let high = hexadecimalValue(bytes[position + 2]), let low = hexadecimalValue(bytes[position + 3])
        else { return nil }
        return high << 4 | low
    }

    private static func hexadecimalValue(_ digit: UInt8) -> UInt8? {
        Character(Unicode.Scalar(digit)).hexDigitValue.map { UInt8($0) }
    }
}

extension String {
    /// The bytes of the path that this text stands for, with the NUL that ends them: the argument of a system
    /// call.
    public var systemPath: [CChar] { PathText.bytes(self).map { CChar(bitPattern: $0) } + [0] }
}

/// The names in a directory.
public enum DirectoryNames {
    /// All names as text, without `.` and `..`, in the order of their bytes.
    ///
    /// - Returns: What could be read, and the error number of a call that failed, if any.
    public static func read(_ directory: String) -> (names: [String], failure: Int32?) {
        guard let stream = opendir(directory.systemPath) else { return ([], errno) }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            // SAFETY: the name is part of the entry and ends with a NUL. It may be longer than its declared
            // 256 bytes on some file systems, so it is read where it is, and not from a copy.
            guard let offset = MemoryLayout<dirent>.offset(of: \dirent.d_name) else { break }
            let name = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
            let bytes = Array(UnsafeRawBufferPointer(start: name, count: strlen(name)))
            if bytes != dot && bytes != dot + dot { names.append(bytes) }
        }
        let failure = errno
        let sorted = names.sorted { $0.lexicographicallyPrecedes($1) }
        return (sorted.map { PathText.text($0) }, failure == 0 ? nil : failure)
    }

    private static let dot = [UInt8(ascii: ".")]
}
