private import Frontend
private import Inference
internal import Recognizer
internal import TextSupport

/// The properties of a model's input and output, with or without an adapter.
enum VariantLines {
    static func lines(_ variant: Variant) -> [(name: String, text: String)] {
        let config = variant.network.config
        let seconds = FixedDecimals.text(variant.windowSeconds, decimals: 2) ?? "?"
        let features = config.features
        let normalisation =
            features.normalises
            ? "mean \(features.mean) (\(features.origin(of: "mean"))), "
                + "deviation \(features.standardDeviation) (\(features.origin(of: "std")))"
            : "none (\(features.origin(of: "do_normalize")))"
        let norm = config.normalisesPooled ? "with" : "without"
        return [
            (
                "window",
                "\(seconds) s: \(features.frames) frames of \(features.melBins) mel bins"
            ),
            ("normalised", normalisation),
            ("precision", precision(variant.network)),
            ("pooling", "\(config.pooling.rawValue), head \(norm) LayerNorm"),
            ("scores", variant.activation.text),
            ("labels", "\(variant.labels.count): \(AbridgedList.text(variant.labels))"),
        ]
    }

    /// Labels that records cannot tell apart, or that say nothing.
    static func labelNotes(_ labels: [String]) -> [String] {
        var classes: [String: [Int]] = [:]
        for (index, label) in labels.enumerated() { classes[label, default: []].append(index) }
        let empty = classes.filter { $0.key.allSatisfy(\.isWhitespace) }.flatMap(\.value).sorted()
        let repeated = classes.filter { $0.value.count > 1 && !$0.key.allSatisfy(\.isWhitespace) }
            .sorted { $0.value[0] < $1.value[0] }
            .map { "'\($0.key)' (classes \($0.value.map(String.init).joined(separator: ", ")))" }
        var notes: [String] = []
        if !empty.isEmpty {
            let numbers = AbridgedList.text(empty.map(String.init))
            notes.append("empty labels in id2label: class\(empty.count == 1 ? "" : "es") \(numbers)")
        }
        if !repeated.isEmpty {
            notes.append(
                "labels of several classes, which only the index tells apart: \(AbridgedList.text(repeated))")
        }
        return notes
    }

    private static func precision(_ network: AST) -> String {
        network.precision.rawValue + (network.comparison.map { ": \($0.text)" } ?? "")
    }

    static func write(_ variant: Variant, to json: inout JSONWriter) {
        let config = variant.network.config
        let features = config.features
        json.member("window_seconds", seconds: variant.windowSeconds)
        json.member("frames", features.frames)
        json.member("mel_bins", features.melBins)
        json.member("normalises", features.normalises)
        json.member("mean", features.mean)
        json.member("std", features.standardDeviation)
        json.member("mean_from", features.origin(of: "mean"))
        json.member("std_from", features.origin(of: "std"))
        json.member("precision", variant.network.precision.rawValue)
        if let comparison = variant.network.comparison {
            json.key("int8_check")
            json.object { json in
                json.key("largest_difference")
                json.number(comparison.largestDifference)
                json.key("difference_limit")
                json.number(comparison.differenceLimit)
                json.key("relative_error")
                json.number(comparison.relativeError)
                json.key("relative_limit")
                json.number(PrecisionComparison.relativeLimit)
                json.key("pooled_error")
                json.number(comparison.pooledError)
                if let limit = comparison.pooledLimit {
                    json.key("pooled_limit")
                    json.number(limit)
                }
            }
        }
        json.member("pooling", config.pooling.rawValue)
        json.member("classifier_layernorm", config.normalisesPooled)
        json.member("activation", variant.activation.activation.rawValue)
        json.member("activation_reason", variant.activation.reason)
        json.member("labels", strings: variant.labels)
    }
}
