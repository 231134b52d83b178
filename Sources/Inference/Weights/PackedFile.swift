/// A file of a base's packed matrices. It is mapped read-only, so that all daemons of a machine share its
/// pages, and its SHA-256 is verified before any of it is used.
///
///     astd packed weights 4
///     layout LAYOUT
///     base SHA256
///     sharp NAME                    for every attention module that is computed in fp32
///     matrix NAME OUTPUTS INPUTS OFFSET SMOOTHING LIMIT
///                                   for every matrix; LIMIT, of its pairs: `pairs` or `none`
///     smoothing NAME CHANNELS OFFSET
///                                   for every module whose outputs are smoothed
///     end                           padded with zeros to whole pages
///     the matrices, then the smoothing factors, each on a cache line
///     64 hexadecimal digits         SHA-256 of everything before
final class PackedFile {
    private let file: MappedFile
    private let gemm: QuantizedGEMM
    private var entries: [String: Entry] = [:]
    private var smoothings: [String: ActivationSmoothing] = [:]
    private var sharpAttention: Set<String> = []

    /// What a file is made of.
    struct Content {
        var matrices: [(name: String, matrix: PackedMatrix)]
        /// By the name of the module that produces the activations.
        var smoothings: [(key: String, value: ActivationSmoothing)] = []
        var sharpAttention: [String] = []
    }

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
        guard let file = try? MappedFile(path: path, .cache) else { return nil }
        self.file = file
        self.gemm = gemm
        let bytes = UnsafeRawBufferPointer(file.bytes)
        guard bytes.count > Self.digestBytes else { return nil }
        let payload = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - Self.digestBytes)])
        var digest = Digest()
        digest.add(payload)
        guard digest.hexadecimal().utf8.elementsEqual(bytes[payload.count...]) else { return nil }
        guard let head = Self.head(payload, base: base, gemm) else { return nil }
        (entries, smoothings, sharpAttention) = head
    }

    /// The matrix of that name; `nil` when the file has none of that shape and smoothing.
    func matrix(_ name: String, outputs: Int, inputs: Int, smoothing: String) -> PackedMatrix? {
        guard let entry = entries[name], entry.outputs == outputs, entry.inputs == inputs,
            entry.smoothing == smoothing, let start = file.bytes.baseAddress
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
    ) -> (
        entries: [String: Entry], smoothings: [String: ActivationSmoothing], sharpAttention: Set<String>
    )? {
        guard let end = payload.firstIndex(of: 0) else { return nil }
        let lines = String(decoding: payload[..<end], as: UTF8.self).split(separator: "\n")
        let first = Self.firstLines(base: base, gemm).split(separator: "\n")
        guard lines.starts(with: first), lines.last == "end" else { return nil }
        var entries: [String: Entry] = [:]
        var sharp: Set<String> = []
        var smoothings: [String: ActivationSmoothing] = [:]
        func isInside(_ offset: Int, _ size: Int) -> Bool {
            offset >= 0 && offset % 64 == 0 && offset <= payload.count - size
        }
        for line in lines.dropFirst(first.count).dropLast() {
            let words = line.split(separator: " ")
            if words.first == "sharp", words.count == 2 {
                sharp.insert(String(words[1]))
                continue
            }
            if words.first == "smoothing" {
                guard words.count == 4, let channels = Int(words[2]), let offset = Int(words[3]),
                    (1...1 << 24).contains(channels), isInside(offset, 4 * channels)
                else { return nil }
                let bytes = UnsafeRawBufferPointer(rebasing: payload[offset..<offset + 4 * channels])
                smoothings[String(words[1])] = ActivationSmoothing(
                    factors: Array(bytes.bindMemory(to: Float.self)))
                continue
            }
            guard words.count == 7, let outputs = Int(words[2]), let inputs = Int(words[3]),
                let offset = Int(words[4]), (1...1 << 24).contains(outputs),
                (1...1 << 24).contains(inputs),
                isInside(offset, PackedMatrix.byteCount(outputs: outputs, inputs: inputs, gemm)),
                words[6] == "pairs" && gemm.hasPairLimit || words[6] == "none"
            else { return nil }
            entries[String(words[1])] = Entry(
                outputs: outputs, inputs: inputs, offset: offset, smoothing: String(words[5]),
                hasPairLimit: words[6] == "pairs")
        }
        return (entries, smoothings, sharp)
    }

    private static func firstLines(base: String, _ gemm: QuantizedGEMM) -> String {
        "astd packed weights 4\nlayout \(gemm.layout)\nbase \(base)\n"
    }

    /// The smoothing of a module's outputs; `nil` when the file does not contain it.
    func smoothing(of module: String) -> ActivationSmoothing? { smoothings[module] }

    /// Passes the parts of a file to `body`, in order, until it returns `false`.
    ///
    /// - Returns: Whether it returned `true` for all.
    static func write(
        _ content: Content, base: String, _ gemm: QuantizedGEMM,
        _ body: (UnsafeRawBufferPointer) -> Bool
    ) -> Bool {
        let header = header(content, base: base, gemm)
        let factors = content.smoothings.map { paddedFactors($0.value) }
        var digest = Digest()
        header.withUnsafeBytes { digest.add($0) }
        for (_, matrix) in content.matrices { digest.add(matrix.bytes) }
        for factors in factors { factors.withUnsafeBytes { digest.add($0) } }
        let end = Array(digest.hexadecimal().utf8)
        return header.withUnsafeBytes(body) && content.matrices.allSatisfy { body($0.matrix.bytes) }
            && factors.allSatisfy { $0.withUnsafeBytes(body) } && end.withUnsafeBytes(body)
    }

    /// Factors, padded to whole cache lines.
    private static func paddedFactors(_ smoothing: ActivationSmoothing) -> [Float] {
        let factors = smoothing.factors
        return factors + [Float](repeating: 0, count: (16 - factors.count % 16) % 16)
    }

    /// The text at the start of a file, padded to whole pages.
    private static func header(_ content: Content, base: String, _ gemm: QuantizedGEMM) -> [UInt8] {
        func text(from first: Int) -> String {
            var text = firstLines(base: base, gemm)
            var offset = first
            for name in content.sharpAttention { text += "sharp \(name)\n" }
            for (name, matrix) in content.matrices {
                let limit = matrix.gemm.hasPairLimit ? "pairs" : "none"
                text +=
                    "matrix \(name) \(matrix.outputs) \(matrix.inputs) \(offset) \(matrix.smoothing) \(limit)\n"
                offset += matrix.bytes.count
            }
            for (name, smoothing) in content.smoothings {
                text += "smoothing \(name) \(smoothing.factors.count) \(offset)\n"
                offset += 4 * paddedFactors(smoothing).count
            }
            return text + "end\n"
        }
        // An offset's digits are part of the length that decides the offsets: room for the longest.
        let longest = text(from: 1 << 40).utf8.count + 1
        let size = (longest + pageBytes - 1) / pageBytes * pageBytes
        let final = text(from: size).utf8
        return Array(final) + [UInt8](repeating: 0, count: size - final.count)
    }
}
