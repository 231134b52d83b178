public import Wire

#if canImport(Glibc)
    private import Glibc
#else
    private import Musl
#endif

/// Where batch records go, and in which form.
public final class RecordWriter {
    public enum Format: String, CaseIterable, Sendable {
        /// A line per window for people.
        case text
        /// A JSON object a line.
        case jsonl
    }

    private let format: Format
    private let descriptor: Int32
    private let name: String

    /// Writing failed: a full disk, a closed pipe.
    public struct WriteError: Error, Equatable, Sendable {
        public var reason: String
        /// The reader went away, which is its right.
        public var isClosedPipe: Bool
    }

    /// - Parameter path: A file to create, or `nil` for standard output.
    public init(format: Format, path: String?) throws(WriteError) {
        self.format = format
        guard let path else {
            descriptor = STDOUT_FILENO
            name = "standard output"
            return
        }
        name = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Self.systemError(path) }
    }

    public func write(_ record: BatchRecord) throws(WriteError) {
        switch format {
        case .jsonl: try write(bytes: record.encoded())
        case .text:
            let labels = record.labels.map { "\($0.label) \(Self.score($0.score))" }.joined(separator: "  ")
            var span = "\(Self.time(record.start)) - \(Self.time(record.end))"
            if let adapter = record.adapter { span += "  [\(adapter)]" }
            try write(bytes: Array("\(record.file)  \(span)  \(labels)\n".utf8))
        }
    }

    /// In text, errors go to standard error and not between the records.
    public func write(_ error: BatchError) throws(WriteError) {
        if format == .jsonl { try write(bytes: error.encoded()) }
    }

    /// Everything is on its way to the disk, or it is not and this says so.
    public func finish() throws(WriteError) {
        guard descriptor != STDOUT_FILENO else { return }
        guard close(descriptor) == 0 else { throw Self.systemError(name) }
    }

    /// Unbuffered: a record appears as soon as it is known, somebody may be watching.
    func write(bytes: [UInt8]) throws(WriteError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            #if canImport(Glibc)
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            #else
                let count = rest.withUnsafeBytes { Musl.write(descriptor, $0.baseAddress, $0.count) }
            #endif
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw Self.systemError(name) }
            rest = rest.dropFirst(count)
        }
    }

    private static func systemError(_ name: String) -> WriteError {
        let code = errno
        return WriteError(
            reason: "\(name) cannot be written: \(String(cString: strerror(code)))",
            isClosedPipe: code == EPIPE)
    }

    private static func time(_ seconds: Double) -> String {
        FixedDecimals.text(seconds, decimals: 2).map { $0 + "s" } ?? "?"
    }

    private static func score(_ score: Float) -> String {
        FixedDecimals.text(Double(score), decimals: 3) ?? "?"
    }
}
