extension BatchOutputs {
    /// Where records are written.
    public enum Destination: Equatable, Sendable {
        case standardOutput
        case file(String)
        /// A file `labels.FORMAT` for each format that has all recordings in one file, one file for each
        /// recording for the other formats, and `summary.json`.
        case directory(String)

        /// For messages.
        var name: String {
            switch self {
            case .standardOutput: "standard output"
            case .file(let path), .directory(let path): path
            }
        }

        /// Where an unfinished run keeps its journal; `nil` where it could not be resumed.
        var journalPath: String? {
            switch self {
            case .standardOutput: nil
            case .file(let path): OutputFile.isRegularOrAbsent(path) ? path + ".journal" : nil
            case .directory(let directory): directory + "/labels.journal"
            }
        }

        /// The file with the totals, which is written last.
        var summaryPath: String? {
            if case .directory(let directory) = self { directory + "/summary.json" } else { nil }
        }

        /// The file that a run completes last.
        var lastPath: String? { if case .file(let path) = self { path } else { summaryPath } }
    }
}
