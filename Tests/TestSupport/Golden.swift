private import FoundationEssentials

/// `Tests/Golden`: results of transformers, PEFT and torchaudio, and their input files.
///
/// Described in docs/exactness.md; written by tools/make_golden.py.
package struct Golden: Decodable, Sendable {
    /// A model, with or without an adapter, and a clip each.
    package let cases: [Case]
    package let refused: [Refusal]
    package let broken: [BrokenFile]
    package let brokenModels: [BrokenModel]
    package let fbank: [LogMels]
    /// Clips that are shorter than one frame.
    package let withoutFeatures: [String]
    private let windows: String
    private let vectors: String
    private let decoding: String

    package struct Case: Decodable, Sendable {
        package let id: String
        package let model: String
        package let adapter: String?
        package let clip: String
        /// File of the arrays that `stages` names.
        package let reference: String
        /// File of the array `features`, `[frames, mels]`: the oracle's input.
        package let features: String
        package let stages: [String]
        package let tolerance: Tolerance
    }

    package struct Tolerance: Decodable, Sendable {
        /// Between every stage and the oracle's, from the oracle's own features.
        package let logits: Float
        /// Between our logits and the oracle's, each from the samples.
        package let endToEnd: Float
        /// How far the oracle's features are from the exact values at most.
        package let oracleFeatures: Float
    }

    package struct Refusal: Decodable, Sendable {
        package let adapter: String
        package let model: String
        /// The defect, in a few words.
        package let reason: String
        /// Texts that the error must contain.
        package let mentions: [String]
    }

    package struct BrokenFile: Decodable, Sendable {
        package let file: String
        package let mentions: [String]
        package let mayBeAccepted: Bool
    }

    package struct BrokenModel: Decodable, Sendable {
        package let model: String
        package let reason: String
        package let mentions: [String]
    }

    /// Log-mels before padding and normalising: arrays `exact` and `torchaudio`, `[frames, melBins]`.
    package struct LogMels: Decodable, Sendable {
        package let clip: String
        package let reference: String
        package let melBins: Int
        /// The largest difference between the two arrays, rounded up.
        package let torchaudioError: Double
    }

    /// The windows of a clip in `astd classify`.
    package struct WindowedClip: Decodable, Sendable {
        package let model: String
        package let clip: String
        package let hopSeconds: Double
        /// `end` or `padded`.
        package let lastWindow: String
        package let records: [Record]

        package struct Record: Decodable, Sendable {
            package let start: Double
            package let end: Double
            package let logits: [Float]
            /// From features without the rounding errors of transformers' feature extractor.
            package let exactLogits: [Float]
            /// Of `logits`: three times the effect of those rounding errors where that exceeds 1e-4.
            package let tolerance: Float
        }
    }

    /// Pooled vectors of a clip's windows in `astd embed`: transformers' `pooler_output`.
    package struct EmbeddedClip: Decodable, Sendable {
        package let model: String
        package let adapter: String?
        package let clip: String
        package let hopSeconds: Double
        package let rows: [Row]

        package struct Row: Decodable, Sendable {
            package let start: Double
            package let end: Double
            package let pooled: [Float]
        }
    }

    /// A tone in one of the file formats that astd decodes.
    package struct DecodedFile: Decodable, Sendable {
        package let file: String
        package let rateHz: Int
        package let channels: Int
        package let frames: Int64
        package let framesTolerance: Int64
        /// `nil` when the tone lies above half of 16 kHz.
        package let toneHz: Double?
        package let toneToleranceHz: Double
        package let rms: Double
        package let rmsTolerance: Double
    }

    /// Reads `cases.json`; a missing or damaged fixture is an error, never an empty list.
    package static func load() throws -> Golden { try decode(Golden.self, "cases.json") }

    package func windowedClips() throws -> [WindowedClip] {
        struct File: Decodable { let windows: [WindowedClip] }
        return try Self.decode(File.self, windows).windows
    }

    package func embeddedClips() throws -> [EmbeddedClip] {
        struct File: Decodable { let vectors: [EmbeddedClip] }
        return try Self.decode(File.self, vectors).vectors
    }

    package func decodedFiles() throws -> [DecodedFile] {
        struct File: Decodable { let files: [DecodedFile] }
        return try Self.decode(File.self, decoding).files
    }

    /// The path of a file that the index names.
    package static func path(_ relative: String) -> String { directory + relative }

    private static let directory =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
        + "/Golden/"

    private static func decode<Value: Decodable>(_ type: Value.Type, _ file: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: URL(filePath: path(file))))
    }
}

extension Golden.Case: CustomStringConvertible { package var description: String { id } }
extension Golden.Refusal: CustomStringConvertible { package var description: String { adapter } }
extension Golden.BrokenFile: CustomStringConvertible { package var description: String { file } }
extension Golden.BrokenModel: CustomStringConvertible { package var description: String { model } }
extension Golden.LogMels: CustomStringConvertible { package var description: String { reference } }
extension Golden.DecodedFile: CustomStringConvertible { package var description: String { file } }
extension Golden.EmbeddedClip: CustomStringConvertible {
    package var description: String { "\(clip) \(adapter ?? "without an adapter")" }
}
extension Golden.WindowedClip: CustomStringConvertible {
    package var description: String { "\(clip) every \(hopSeconds) s, last \(lastWindow)" }
}
