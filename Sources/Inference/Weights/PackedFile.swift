/// Packed matrices of one base in a file: mapped read-only, so that the daemons of one machine share its pages, and
/// checked to the last bit before any of it is used.
///
/// Text, a line each, padded with zeros to whole pages: `astd packed weights 2`, the layout, the base's sha256, then
/// `matrix NAME OUTPUTS INPUTS OFFSET BALANCE` for every matrix, and `end`. The matrices follow, each on a cache line. The last
/// 64 bytes are the sha256 of everything before them, in hexadecimal.
final class PackedFile {
    private let file: MappedFile
    private let products: NarrowProducts
    private var entries: [String: Entry] = [:]

    struct Entry: Equatable {
        var outputs: Int
        var inputs: Int
        var offset: Int
        var balance: String
    }

    static let digestBytes = 64
    private static let pageBytes = 4096

    /// - Returns: `nil` when there is no such file, it was damaged, or it is of another base or layout.
    init?(path: String, base: String, _ products: NarrowProducts) {
        guard let file = try? MappedFile(path: path) else { return nil }
        self.file = file
        self.products = products
        let bytes = UnsafeRawBufferPointer(file.bytes)
        guard bytes.count > Self.digestBytes else { return nil }
        let payload = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - Self.digestBytes)])
        var digest = Digest()
        digest.add(payload)
        guard digest.hexadecimal().utf8.elementsEqual(bytes[payload.count...]) else { return nil }
        guard let entries = Self.entries(payload, base: base, products) else { return nil }
        self.entries = entries
    }

    /// The matrix of that name; `nil` when the file has none of that shape and balance.
    func matrix(_ name: String, outputs: Int, inputs: Int, balance: String?) -> PackedMatrix? {
        guard let entry = entries[name], entry.outputs == outputs, entry.inputs == inputs,
            entry.balance == balance ?? "-", let start = file.bytes.baseAddress
        else { return nil }
        return PackedMatrix(
            at: start + entry.offset, owner: file, outputs: outputs, inputs: inputs, balance: balance,
            products)
    }

    /// Where each matrix is, when the head is what is wanted and all of them are inside the file.
    private static func entries(
        _ payload: UnsafeRawBufferPointer, base: String, _ products: NarrowProducts
    ) -> [String: Entry]? {
        guard let end = payload.firstIndex(of: 0) else { return nil }
        let lines = String(decoding: payload[..<end], as: UTF8.self).split(separator: "\n")
        let head = Self.head(base: base, products).split(separator: "\n")
        guard lines.starts(with: head), lines.last == "end" else { return nil }
        var entries: [String: Entry] = [:]
        for line in lines.dropFirst(head.count).dropLast() {
            let words = line.split(separator: " ")
            guard words.count == 6, let outputs = Int(words[2]), let inputs = Int(words[3]),
                let offset = Int(words[4]), (1...1 << 24).contains(outputs),
                (1...1 << 24).contains(inputs), offset >= 0, offset % 64 == 0
            else { return nil }
            let size = PackedMatrix.byteCount(outputs: outputs, inputs: inputs, products)
            guard offset <= payload.count - size else { return nil }
            entries[String(words[1])] = Entry(
                outputs: outputs, inputs: inputs, offset: offset, balance: String(words[5]))
        }
        return entries
    }

    private static func head(base: String, _ products: NarrowProducts) -> String {
        "astd packed weights 2\nlayout \(products.layout)\nbase \(base)\n"
    }

    /// What a file of these matrices begins with, whole pages, and where each of them is to be.
    static func header(
        _ matrices: [(name: String, matrix: PackedMatrix)], base: String, _ products: NarrowProducts
    ) -> (bytes: [UInt8], offsets: [Int]) {
        func text(from first: Int) -> (String, [Int]) {
            var text = head(base: base, products)
            var offsets: [Int] = []
            var offset = first
            for (name, matrix) in matrices {
                text += "matrix \(name) \(matrix.outputs) \(matrix.inputs) \(offset) \(matrix.balance)\n"
                offsets.append(offset)
                offset += matrix.bytes.count
            }
            return (text + "end\n", offsets)
        }
        // An offset's digits are part of the length that decides the offsets: room for the longest.
        let longest = text(from: 1 << 40).0.utf8.count + 1
        let size = (longest + pageBytes - 1) / pageBytes * pageBytes
        let (final, offsets) = text(from: size)
        return (Array(final.utf8) + [UInt8](repeating: 0, count: size - final.utf8.count), offsets)
    }
}
