public import ArgumentParser
public import Batch
internal import Inference
public import Recognizer

/// `auto` or a precision.
enum PrecisionArgument: String, ExpressibleByArgument, CaseIterable {
    case fp32, bf16, int8, auto

    /// `nil` for `auto`.
    var precision: Precision? { Precision(rawValue: rawValue) }
}

/// `auto` or an activation.
enum ActivationArgument: String, ExpressibleByArgument, CaseIterable {
    case auto, softmax, sigmoid, none

    /// `nil` for `auto`.
    var activation: Activation? { Activation(rawValue: rawValue) }
}

/// `all` or a number, which the command checks.
enum TopArgument: ExpressibleByArgument, Equatable {
    case all
    case count(Int)

    init?(argument: String) {
        if argument == "all" {
            self = .all
        } else if let count = Int(argument) {
            self = .count(count)
        } else {
            return nil
        }
    }

    /// `nil` for `all`.
    var limit: Int? { if case .count(let count) = self { count } else { nil } }

    var defaultValueDescription: String { limit.map(String.init) ?? "all" }
}

/// Formats, separated by commas.
struct FormatsArgument: ExpressibleByArgument {
    let formats: [RecordFormat]

    init?(argument: String) {
        var formats: [RecordFormat] = []
        for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let format = RecordFormat(rawValue: String(name)), !formats.contains(format) else {
                return nil
            }
            formats.append(format)
        }
        self.formats = formats
    }

    static var allValueStrings: [String] { RecordFormat.allCases.map(\.rawValue) }
}

extension ChannelChoice: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }

    public var defaultValueDescription: String { description }

    public static var allValueStrings: [String] { ["mix", "left", "right", "each", "N"] }
}

extension Aggregation: ExpressibleByArgument {}
extension LastWindow: ExpressibleByArgument {}

/// Refuses an output whose name says that it is of another kind than what is written.
///
/// - Parameter kind: What is written.
func requireEnding(of path: String, _ endings: [String], option: String, _ kind: String) throws {
    let name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return }
    let ending = String(name[dot...])
    if endings.contains(ending) { return }
    throw ValidationError(
        "\(option) \(path) ends in \(ending), but the output is \(kind): give a name that ends in \(endings[0])"
    )
}

/// Refuses a table whose name ends like that of another format. (A name without such an ending may be any.)
func requireEnding(of path: String, _ format: RecordFormat) throws {
    let (own, kind) =
        switch format {
        case .text: ([".txt"], "text")
        case .jsonl: ([".jsonl", ".json", ".ndjson"], "JSON lines")
        case .csv: ([".csv"], "CSV")
        case .audacity: ([".txt"], "a label track")
        case .raven, .ravenCombined: ([".txt", ".tsv"], "a selection table")
        }
    let others = [
        ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".html", ".htm", ".xlsx", ".parquet", ".npy", ".png",
        ".pdf",
    ]
    if others.contains(where: path.lowercased().hasSuffix) {
        try requireEnding(of: path, own, option: "--output", kind)
    }
}
