internal import Wire

/// The files of pooled vectors: a table in CSV, or an array in NumPy's format with a table of its rows.
public struct VectorFiles: Equatable, Sendable {
    /// Ends in `.npy` or `.csv`.
    public let path: String
    private let isArray: Bool

    /// - Parameter path: `nil` is returned unless it ends in `.npy` or `.csv`, in any case.
    public init?(path: String) {
        let ending = path.suffix(4).lowercased()
        guard ending == ".npy" || ending == ".csv", path.utf8.count > 4 else { return nil }
        isArray = ending == ".npy"
        self.path = OutputFile.target(of: path)
    }

    /// The table that says which window each row of the array is of; `nil` of a table of vectors.
    public var indexPath: String? { isArray ? path.dropLast(4) + ".index.csv" : nil }

    /// Everything that is written, in the order of the journal.
    public var paths: [String] { (indexPath.map { [$0] } ?? []) + [path] }

    public var destination: BatchOutputs.Destination { .file(path) }

    /// The files that a batch writes, which are not its input.
    public var ownOutputs: OwnOutputs { OwnOutputs(destination, report: indexPath) }

    func formatted(width: Int) -> [BatchOutputs.FormattedFile] {
        guard let indexPath else { return [(path, VectorTable(width: width))] }
        return [(indexPath, VectorTable(width: 0)), (path, VectorArray(width: width))]
    }

    /// The number of rows is written when it is known, at the beginning of the array.
    func requireRegularFile() throws(WriteError) {
        guard isArray, !OutputFile.isRegularOrAbsent(path) else { return }
        throw WriteError(
            reason: "\(path) is not a regular file, which an array needs: name another file, or write CSV")
    }
}

/// Float32 `[windows, width]`, in the order of the windows.
struct VectorArray: RecordFormatter {
    let width: Int

    var head: [UInt8] { NumpyArray.head(shape: [0, width]) }

    func lines(_ record: BatchRecord, of recording: FileSummary) -> [UInt8] { [] }

    func lines(_ event: BatchEvent, of recording: FileSummary) -> [UInt8] { [] }

    func bytes(_ vector: [Float], of window: BatchRecord) -> [UInt8] { NumpyArray.data(vector) }

    func completedHead(size: Int64) -> [UInt8]? {
        NumpyArray.head(shape: [(Int(size) - head.count) / (4 * width), width])
    }
}

/// A table by RFC 4180 with a line per window, in the order of the windows: where the window is, then its
/// vector.
struct VectorTable: RecordFormatter {
    /// 0 for the table of an array's rows.
    let width: Int

    var head: [UInt8] {
        CSVFormatter.line(
            ["file", "start", "end", "start_time", "end_time", "adapter", "aggregate", "channel"]
                + (0..<width).map { "v\($0)" })
    }

    func lines(_ record: BatchRecord, of recording: FileSummary) -> [UInt8] { [] }

    func lines(_ event: BatchEvent, of recording: FileSummary) -> [UInt8] { [] }

    func bytes(_ vector: [Float], of window: BatchRecord) -> [UInt8] {
        CSVFormatter.line(
            [
                window.file, CSVFormatter.seconds(window.start), CSVFormatter.seconds(window.end),
                window.startTime ?? "", window.endTime ?? "", window.adapter ?? "", window.aggregate ?? "",
                CSVFormatter.channel(window.channel),
            ] + vector.prefix(width).map(\.description))
    }
}
