private import Frontend
package import Inference
package import Recognizer
package import TextSupport

/// The properties of an adapter, and of the variant that it makes of a base model.
package struct AdapterInspection: Inspection {
    /// Where its files are.
    private let directory: String
    private let summary: AdapterSummary
    private let sha256: String
    private let base: String?
    private let variant: Variant?

    /// - Parameter options: Names a base model that the adapter should fit; `nil`: it is not checked.
    /// - Throws: ``ModelError`` when the adapter is invalid or does not fit the base model.
    package init(directory: String, _ options: RecognizerOptions?) throws(ModelError) {
        base = options?.model
        let adapter = try Adapter(directory: directory)
        self.directory = adapter.directory
        sha256 = try Adapter.digest(directory: directory)
        if let options {
            let base = try options.baseModel()
            variant = try VariantMaker(base: base, activation: nil)
                .variant(adapter, named: AdapterName.of(directory: directory))
            summary = try adapter.summary(on: base)
        } else {
            variant = nil
            summary = try adapter.summary()
        }
    }

    package var lines: [(name: String, text: String)] {
        let writer = summary.writtenBy.map { ", written by PEFT \($0)" } ?? ""
        let targets = Self.places(summary.targets)
        var lines = [
            ("adapter", directory),
            ("method", "\(summary.method)\(writer), \(summary.elementTypes.joined(separator: ", "))"),
            ("changes", targets.isEmpty ? "no matrices" : targets.joined(separator: ", ")),
        ]
        if let modules = summary.modules {
            let size = ByteCount.text(summary.addedBytes)
            lines.append(("modules", "\(modules.text); \(size)" + work(of: modules)))
        }
        if let ranks = summary.ranks {
            let alpha = summary.alpha.map { ", alpha \($0)" } ?? ""
            let scale = summary.scales.map { ", scale \(Self.range($0))" } ?? ""
            lines.append(("rank", Self.range(ranks) + alpha + scale))
        }
        if !summary.addedTensors.isEmpty, summary.modules == nil {
            let size = ByteCount.text(summary.addedBytes)
            lines.append(("adds", Self.places(summary.addedTensors).joined(separator: ", ") + "; \(size)"))
        }
        if !summary.wholeTensors.isEmpty {
            lines.append(("replaces", AbridgedList.text(summary.wholeTensors)))
        }
        let packed = summary.packedBytes.map { ", \(ByteCount.text($0)) in int8" } ?? ""
        let memory = summary.mergedBytes.map { "\(ByteCount.text($0)) when used in fp32\(packed)" }
        lines.append(("memory", memory ?? "depends on the base; name one with --model"))
        if let name = summary.baseName {
            let revision = summary.baseRevision.map { ", revision \($0)" } ?? ""
            lines.append(("trained on", name + revision))
        }
        for stated in summary.baseDigests {
            lines.append(("base sha256", "\(stated.sha256), says \(stated.path)"))
        }
        if let variant, let base {
            let isSame =
                summary.baseDigests.isEmpty ? "; the adapter states no sha256 of its base" : ", sha256 equal"
            lines.append(("base", "fits \(base)\(isSame)"))
            lines += VariantLines.lines(variant)
            lines += (variant.warnings + VariantLines.labelNotes(variant.labels)).map { ("warning", $0) }
        } else {
            lines.append(("labels", labelsWithoutBase))
            lines += VariantLines.labelNotes(summary.labels ?? []).map { ("warning", $0) }
            lines.append(("base", "not checked; name one with --model"))
        }
        return lines + [("sha256", sha256)]
    }

    /// What the modules add to a window's time, roughly: multiplications.
    private func work(of modules: ModuleSummary) -> String {
        guard let variant else { return "" }
        let share =
            Double(modules.multiplications) / Double(variant.network.config.dimensions.multiplications)
        return ", \(FixedDecimals.text(share * 100, decimals: 1) ?? "?") % more multiplications than the base"
    }

    private var labelsWithoutBase: String {
        if let labels = summary.labels { return "\(labels.count): \(AbridgedList.text(labels))" }
        guard let classes = summary.classes else { return "those of the base" }
        return
            "none for the \(classes) classes of its classifier: LABEL_0 to LABEL_\(classes - 1), unless it is "
            + "the base's; a config.json with id2label names them"
    }

    package func writeMembers(to json: inout JSONWriter) {
        json.member("kind", "adapter")
        json.member("path", directory)
        json.member("method", summary.isWeightDecomposed ? "dora" : summary.peftType.lowercased())
        json.member("use_rslora", summary.isRankStabilised)
        json.member("dtypes", strings: summary.elementTypes)
        json.member("peft_version", summary.writtenBy)
        json.member("base_model_name_or_path", summary.baseName)
        json.member("base_model_revision", summary.baseRevision)
        json.member("base_model_sha256", strings: summary.baseDigests.map(\.sha256))
        json.member("sha256", sha256)
        json.key("targets")
        json.object { json in
            for (name, layers) in summary.targets.sorted(by: { $0.key < $1.key }) {
                json.member(name, max(1, layers.count))
            }
        }
        if let ranks = summary.ranks {
            json.member("rank_min", ranks.lowerBound)
            json.member("rank_max", ranks.upperBound)
        }
        if let scales = summary.scales {
            json.member("scale_min", scales.lowerBound)
            json.member("scale_max", scales.upperBound)
        }
        json.member("adds", strings: summary.addedTensors.keys.sorted())
        if let modules = summary.modules {
            json.key("modules")
            json.object { json in
                json.member("block", modules.block)
                json.member("width", modules.width)
                if let kernel = modules.kernel { json.member("kernel", kernel) }
                if let experts = modules.experts { json.member("experts", experts) }
                if let slots = modules.slots { json.member("slots", slots) }
                json.member("places", strings: modules.places)
                json.member("layers", modules.layers)
                json.member("multiplications_per_token", modules.multiplications)
            }
        }
        json.member("replaces", strings: summary.wholeTensors)
        if let bytes = summary.mergedBytes { json.member("merged_bytes", bytes) }
        if let bytes = summary.packedBytes { json.member("merged_bytes_int8", bytes) }
        json.member("own_front_end", summary.hasOwnFrontEnd)
        json.member("fits", base)
        if let variant {
            VariantLines.write(variant, to: &json)
            json.member("warnings", strings: variant.warnings + VariantLines.labelNotes(variant.labels))
        } else if let labels = summary.labels {
            json.member("labels", strings: labels)
        }
    }

    private static func range(_ values: ClosedRange<some Comparable & CustomStringConvertible>) -> String {
        values.lowerBound == values.upperBound
            ? values.lowerBound.description : "\(values.lowerBound) to \(values.upperBound)"
    }

    /// `attention.attention.query in layers 0 to 11`.
    private static func places(_ parts: [String: [Int]]) -> [String] {
        parts.sorted { $0.key < $1.key }.map { part, layers in
            layers.isEmpty ? part : "\(part) in \(Self.layers(layers))"
        }
    }

    /// `layers 0 to 11`, `layers 0, 2, 4 to 6`.
    private static func layers(_ numbers: [Int]) -> String {
        var runs: [ClosedRange<Int>] = []
        for number in numbers.sorted() {
            if let last = runs.last, last.upperBound + 1 == number {
                runs[runs.count - 1] = last.lowerBound...number
            } else {
                runs.append(number...number)
            }
        }
        return (numbers.count == 1 ? "layer " : "layers ") + runs.map { range($0) }.joined(separator: ", ")
    }
}
