private import Frontend
package import Inference
private import Recognizer
package import TextSupport

/// The properties of an adapter, and of the variant that it makes of a base model.
package struct AdapterInspection: Inspection {
    private let directory: String
    private let summary: AdapterSummary
    private let sha256: String
    private let base: String?
    private let variant: Variant?

    /// - Parameter model: Directory of a base model that the adapter should fit, or `nil`.
    /// - Throws: ``ModelError`` when the adapter is invalid or does not fit the base model.
    package init(directory: String, model: String?) throws(ModelError) {
        self.directory = directory
        base = model
        let adapter = try LoRAAdapter(directory: directory)
        summary = try adapter.summary()
        sha256 = try LoRAAdapter.digest(directory: directory)
        if let model {
            variant = try VariantMaker(base: try BaseModel(directory: model), activation: nil)
                .variant(adapter, named: AdapterName.of(directory: directory))
        } else {
            variant = nil
        }
    }

    private var method: String {
        (summary.isWeightDecomposed ? "DoRA" : "LoRA") + (summary.isRankStabilised ? ", rank-stabilised" : "")
    }

    package var lines: [(name: String, text: String)] {
        let writer = summary.writtenBy.map { ", written by PEFT \($0)" } ?? ""
        let targets = summary.targets.sorted { $0.key < $1.key }.map { "\($0.key) x \($0.value)" }
        var lines = [
            ("adapter", directory),
            ("method", "\(method)\(writer), \(summary.elementTypes.joined(separator: ", "))"),
            ("changes", targets.isEmpty ? "no matrices" : targets.joined(separator: ", ")),
        ]
        if let ranks = summary.ranks, let scales = summary.scales {
            lines.append(
                ("rank", "\(Self.range(ranks)), alpha \(summary.alpha), scale \(Self.range(scales))"))
        }
        if !summary.wholeTensors.isEmpty {
            lines.append(("replaces", Self.listed(summary.wholeTensors)))
        }
        lines.append(("memory", "\(Self.millions(summary.mergedBytes)) MB when merged"))
        if let name = summary.baseName { lines.append(("trained on", name)) }
        if let variant, let base {
            lines.append(("base", "fits \(base)"))
            lines += VariantLines.lines(variant)
        } else {
            if let labels = summary.labels {
                lines.append(("labels", "\(labels.count): \(Self.listed(labels))"))
            }
            lines.append(("base", "not checked; name one with --model"))
        }
        return lines + [("sha256", sha256)]
    }

    package func writeMembers(to json: inout JSONWriter) {
        json.member("kind", "adapter")
        json.member("path", directory)
        json.member("method", summary.isWeightDecomposed ? "dora" : "lora")
        json.member("use_rslora", summary.isRankStabilised)
        json.member("dtypes", strings: summary.elementTypes)
        json.member("peft_version", summary.writtenBy)
        json.member("base_model_name_or_path", summary.baseName)
        json.member("sha256", sha256)
        json.key("targets")
        json.object { json in
            for (name, count) in summary.targets.sorted(by: { $0.key < $1.key }) { json.member(name, count) }
        }
        if let ranks = summary.ranks, let scales = summary.scales {
            json.member("rank_min", ranks.lowerBound)
            json.member("rank_max", ranks.upperBound)
            json.member("scale_min", scales.lowerBound)
            json.member("scale_max", scales.upperBound)
        }
        json.member("replaces", strings: summary.wholeTensors)
        json.member("merged_bytes", summary.mergedBytes)
        json.member("own_front_end", summary.hasOwnFrontEnd)
        json.member("fits", base)
        if let variant {
            VariantLines.write(variant, to: &json)
        } else if let labels = summary.labels {
            json.member("labels", strings: labels)
        }
    }

    private static func range(_ values: ClosedRange<some Comparable & CustomStringConvertible>) -> String {
        values.lowerBound == values.upperBound
            ? values.lowerBound.description : "\(values.lowerBound) to \(values.upperBound)"
    }

    private static func listed(_ names: [String]) -> String {
        names.prefix(6).joined(separator: " | ") + (names.count > 6 ? " | and \(names.count - 6) more" : "")
    }
}
