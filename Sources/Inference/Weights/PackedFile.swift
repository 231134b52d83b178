/// A file of a base's packed matrices. It is mapped read-only, so that all daemons of a machine share its
/// pages, and its SHA-256 is verified before any of it is used.
///
///     astd packed weights 3
///     layout LAYOUT
///     base SHA256
///     sharp NAME                                         for every attention module that is computed in fp32
///     matrix NAME OUTPUTS INPUTS OFFSET SMOOTHING LIMIT  for every matrix; LIMIT: `pairs` or `none`
///     end                                                then zeros up to a whole page
///     the matrices                                       each on a cache line
///     64 hexadecimal digits                              SHA-256 of everything before
final class PackedFile {
    private let file: MappedFile
    private let gemm: QuantizedGEMM
    private var entries: [String: Entry] = [:]
    private var sharpAttention: Set<String> = []

    struct Entry: Equatable {
        var outputs: Int
        var inputs: Int
        var offset: Int
        var smoothing: String
        var hasPairLimit: Bool
    }

    static let digestBytes = 64
    private static let pageBytes = 4096

    /// Fails when there is no such file, or when it is damaged or belongs to another base or layout.
    init?(path: String, base: String, _ gemm: QuantizedGEMM) {
        guard let file = try? MappedFile(path: path) else { return nil }
        self.file = file
        self.gemm = gemm
        let bytes = UnsafeRawBufferPointer(file.bytes)
        guard bytes.count > Self.digestBytes else { return nil }
        let payload = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - Self.digestBytes)])
        var digest = Digest()
        digest.add(payload)
        guard digest.hexadecimal().utf8.elementsEqual(bytes[payload.count...]) else { return nil }
        guard let head = Self.head(payload, base: base, gemm) else { return nil }
        (entries, sharpAttention) = head
    }

    /// The matrix of that name; `nil` when the file has none of that shape and smoothing.
    func matrix(_ name: String, outputs: Int, inputs: Int, smoothing: String?) -> PackedMatrix? {
        guard let entry = entries[name], entry.outputs == outputs, entry.inputs == inputs,
            entry.smoothing == smoothing ?? "-", let start = file.bytes.baseAddress
        else { return nil }
        return PackedMatrix(
            at: start + entry.offset, owner: file, outputs: outputs, inputs: inputs, smoothing: smoothing,
            entry.hasPairLimit ? gemm : gemm.withoutPairLimit)
    }

    /// Whether an attention module is computed in fp32 according to the file; `nil` when the file does not
    /// contain it.
    func isAttentionSharp(_ attention: String) -> Bool? {
        if sharpAttention.contains(attention) { return true }
        return entries[attention + "attention.query.weight"] == nil ? nil : false
    }

    /// Parses the text at the start of the file. Returns `nil` unless it is valid and all matrices lie within
    /// the file.
    private static func head(
        _ payload: UnsafeRawBufferPointer, base: String, _ gemm: QuantizedGEMM
    ) -> (entries: [String: Entry], sharpAttention: Set<String>)? {
        guard let end = payload.firstIndex(of: 0) else { return nil }
        let lines = String(decoding: payload[..<end], as: UTF8.self).split(separator: "\n")
        let first = Self.firstLines(base: base, gemm).split(separator: "\n")
        guard lines.starts(with: first), lines.last == "end" else { return nil }
        var entries: [String: Entry] = [:]
        var sharp: Set<String> = []
        for line in lines.dropFirst(first.count).dropLast() {
            let words = line.split(separator: " ")
            if words.first == "sharp", words.count == 2 {
                sharp.insert(String(words[1]))
                continue
            }
            guard words.count == 7, let outputs = Int(words[2]), let inputs = Int(words[3]),
                let offset = Int(words[4]), (1...1 << 24).contains(outputs),
                (1...1 << 24).contains(inputs), offset >= 0, offset % 64 == 0,
                words[6] == "pairs" && gemm.hasPairLimit || words[6] == "none"
            else { return nil }
            let size = PackedMatrix.byteCount(outputs: outputs, inputs: inputs, gemm)
            guard offset <= payload.count - size else { return nil }
            entries[String(words[1])] = Entry(
                outputs: outputs, inputs: inputs, offset: offset, smoothing: String(words[5]),
                hasPairLimit: words[6] == "pairs")
        }
        return (entries, sharp)
    }

    private static func firstLines(base: String, _ gemm: QuantizedGEMM) -> String {
        "astd packed weights 3\nlayout \(gemm.layout)\nbase \(base)\n"
    }

    /// The text at the start of a file of these matrices, padded to whole pages, and the offset of each
    /// matrix.
    static func header(
        _ matrices: [(name: String, matrix: PackedMatrix)], sharpAttention: [String] = [], base: String,
        _ gemm: QuantizedGEMM
    ) -> (bytes: [UInt8], offsets: [Int]) {
        func text(from first: Int) -> (String, [Int]) {
            var text = firstLines(base: base, gemm)
            var offsets: [Int] = []
            var offset = first
            for name in sharpAttention { text += "sharp \(name)\n" }
            for (name, matrix) in matrices {
                let limit = matrix.gemm.hasPairLimit ? "pairs" : "none"
                text +=
                    "matrix \(name) \(matrix.outputs) \(matrix.inputs) \(offset) \(matrix.smoothing) \(limit)\n"
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
