private import Glibc
private import SystemSupport

/// The URL by which a page refers to a file on the same disk.
enum RelativeURL {
    /// The path of `file` relative to the folder of `page`, percent-encoded. It is valid where the page was
    /// written, and where a server offers the page together with the recordings.
    static func text(from page: String, to file: String) -> String {
        let folder = parts(page).dropLast()
        let target = parts(file)
        let common = zip(folder, target).prefix { $0 == $1 }.count
        let steps = Array(repeating: "..", count: folder.count - common) + target.dropFirst(common)
        return steps.map(encoded).joined(separator: "/")
    }

    /// The components of the absolute path. Symbolic links are not resolved.
    private static func parts(_ path: String) -> [String] {
        var whole = path
        if !path.hasPrefix("/"), let current = getcwd(nil, 0) {
            whole = PathText.text(cString: current) + "/" + path
            free(current)
        }
        var parts: [String] = []
        for part in whole.split(separator: "/") {
            switch part {
            case ".": continue
            case "..": _ = parts.popLast()
            default: parts.append(String(part))
            }
        }
        return parts
    }

    /// Percent-encodes all but the unreserved characters of RFC 3986.
    private static func encoded(_ part: String) -> String {
        let hexadecimal = Array("0123456789ABCDEF")
        return PathText.bytes(part).map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                String(UnicodeScalar(byte))
            default: "%\(hexadecimal[Int(byte >> 4)])\(hexadecimal[Int(byte & 15)])"
            }
        }.joined()
    }
}
